import pytest

from recognizer.training.licences import LicenceRefused, check_consent, check_licence


@pytest.mark.parametrize(
    "licence",
    [
        "CC BY-SA (Yue Tan / Shtooka cmn-caen-tan, CC BY-SA 3.0)",
        "CC BY 4.0 (free for commercial and non-commercial use)",
        "CC BY 3.0 / CC0 per clip (README)",
        "CC0",
        "AISHELL-1: Apache 2.0",
        "AISHELL-1 (OpenSLR 33) Apache 2.0; repo GPL-3.0",
        "Unlicense (public domain)",
        "MIT (LICENSE, (c) 2017 Junze Wu)",
    ],
)
def test_free_licences_may_be_shipped(licence: str) -> None:
    check_licence(licence)


@pytest.mark.parametrize(
    "licence",
    [
        "",
        "unknown",
        "CC BY-NC 4.0",
        "CC BY-NC-SA 4.0",
        "CC BY-ND 4.0",
        "CC BY-SA 4.0 (non-commercial only)",
        "GPL-3.0",
        "all rights reserved",
        "permitted for research; MIT",
    ],
)
def test_other_licences_may_not_be_shipped(licence: str) -> None:
    with pytest.raises(LicenceRefused, match="does not allow"):
        check_licence(licence)


def test_callers_consented_to_models_of_the_service_only() -> None:
    consent = "consent of the caller, 2026-11-24, for models of this service"
    check_consent(consent)
    with pytest.raises(LicenceRefused, match="does not allow"):
        check_licence(consent)
    with pytest.raises(LicenceRefused, match="not the consent"):
        check_consent("CC0")
