"""The command line: `huifang`, or `python service.py` in the source tree. Must not know: what the commands do."""

from __future__ import annotations

import typer

from ivr.cli import agents, calls, campaign, complaints, dialplan, flows, lines, models, prompts, service, speech
from ivr.cli.doctor import doctor

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Huifang: telephone callback surveys and complaint lines.",
)
app.command()(service.run)
app.command()(service.demo)
app.command()(service.pbx)
app.command()(doctor)
for name, commands in {
    "flows": flows.app,
    "calls": calls.app,
    "complaints": complaints.app,
    "campaign": campaign.app,
    "lines": lines.app,
    "agents": agents.app,
    "prompts": prompts.app,
    "models": models.app,
    "speech": speech.app,
    "dialplan": dialplan.app,
}.items():
    app.add_typer(commands, name=name)
