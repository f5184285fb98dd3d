"""Every name that the YAML may use for something of treadle's own, in one place.

The rooms above hold the things themselves; a test compares their names with these.
"""

TOOLS = ("read", "search", "edit", "run")
SOLVERS = ("repair",)
PROTOCOLS = ("fill", "rewrite-then-edit")
CHECKS = ("tests", "parses", "schema", "places")
STEP_CHECKS = ("tests", "parses")
COMMAND = "command"

PROVIDERS = (
    "task",
    "thread",
    "passages",
    "diff",
    "failing_tests",
    "suspects",
    "conflicts",
    "map",
    "instructions",
    "receipt",
)
LIST_PROVIDERS = ("failing_tests", "conflicts")
"""Providers that `each` may take its items from."""

ITEM = "item"
CODE = "code"
"""The tier that runs solvers and no model; it exists without being declared."""

BEST = "best"
PICKS = ("first", "cheapest", "ask")
GIT = ("stage", "commit", "continue")
APPLY = ("run", "step", "never")
STATES = ("conflicts", "failing_tests", "staged")
"""What of a repository may speak for a loop, the most pressing first."""

DEFAULTS = ("task", "no_task", "none")
ON_ITEM = ("continue", "stop")
STEP_KINDS = ("agent", "check", "command", "loop", "ask", "git")
LIMIT = "limit"
"""The key of `on` that answers a used-up `max_visits`."""

RUNNERS = ("pytest", "unittest", "npm", "pnpm", "yarn", "go", "cargo", "make", "just")

MODEL_OPTIONS = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "seed",
    "stop",
    "num_ctx",
    "max_tokens",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
    "reasoning_effort",
    "think",
    "keep_alive",
)
"""Options that a repository may give a model: none of them says where a request goes or with which key."""

NAME = r"[A-Za-z][A-Za-z0-9_-]{0,63}"
"""A name of an agent, loop, tier, step or verdict, as a regular expression."""

PHRASE_WORD = r"\w+(?:['-]\w+)*\*?"
"""One word of a phrase that a task is looked through for; `*` at its end takes any ending."""
