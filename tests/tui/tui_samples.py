"""Repositories for the screen's tests: loops that cost no test run, and text that would be a terminal's if let."""

import json
import os
from pathlib import Path

from samples import treadle_dir

TALK = (
    "name: talk\ndescription: Says something and changes nothing.\napply: never\n"
    "steps: [{name: say, agent: talker}]\n"
)
TALKER = (
    "name: talker\ndescription: d\nprompt: talk.md\ninputs: [task, thread]\nchecks: [schema]\n"
    "output: {type: object, properties: {answer: {type: string}}, required: [answer]}\n"
    "ladder: [{tier: small, protocol: fill}]\n"
)


def talking(*replies: str, **more: str) -> dict[str, str]:
    """A repository whose loop `talk` asks one model once; `replies` are YAML entries of its script."""
    return {
        "README.md": "# A repository\n",
        **treadle_dir(
            agents__talker=TALKER,
            loops__talk=TALK,
            tiers="tiers:\n  code: {}\n  small: {models: [scripted/says.yaml]}\n",
            says="replies:\n" + "".join(f"  - {reply}\n" for reply in replies),
            **more,
        ),
        ".treadle/prompts/talk.md": "Answer: ${task}\n",
    }


def speaking(endpoint: str, **more: str) -> dict[str, str]:
    """A repository whose loop `talk` asks a model on a server what comes to its mind; the user's tiers name it."""
    user = Path(os.environ["XDG_CONFIG_HOME"]) / "treadle"
    entry = f'{{model: local/stand-in, endpoint: "{endpoint}"}}'
    (user / "tiers.yaml").write_text(f"tiers:\n  code: {{}}\n  small: {{models: [{entry}]}}\n")
    return {
        "README.md": "# A repository\n",
        **treadle_dir(
            agents__talker="name: talker\ndescription: d\nprompt: talk.md\ninputs: [task, thread]\n"
            "ladder: [{tier: small, tools: [read]}]\n",
            loops__talk=TALK,
            **more,
        ),
        ".treadle/prompts/talk.md": "Answer: ${task}\n",
    }


ANSWERS = '{json: {answer: "forty-two"}, repeat: true}'
"""A reply that `talk` passes with."""


def commands(*steps: str, loop: str = "") -> dict[str, str]:
    """A repository whose loop `go` runs these commands one after another."""
    listed = "".join(f"  - {{name: s{n}, command: {json.dumps(step)}}}\n" for n, step in enumerate(steps, 1))
    return {"a.txt": "a\n", **treadle_dir(loops__go=f"name: go\ndescription: d\n{loop}steps:\n{listed}")}
