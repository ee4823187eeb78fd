from ivr.telephony.browser.limits import RateAllowance


def test_one_burst_is_allowed_and_then_the_long_run_rate():
    allowance = RateAllowance(burst=10, per_s=50, now=0)
    assert [allowance.take(0) for _ in range(11)] == [True] * 10 + [False]
    assert [allowance.take(0.02), allowance.take(0.02), allowance.take(0.04)] == [True, False, True]


def test_unused_allowance_does_not_accumulate():
    allowance = RateAllowance(burst=3, per_s=50, now=0)
    assert [allowance.take(1000) for _ in range(4)] == [True, True, True, False]


def test_real_time_never_exceeds_the_limit():
    allowance = RateAllowance(burst=500, per_s=75, now=0)
    assert all(allowance.take(n / 50) for n in range(50 * 600))
