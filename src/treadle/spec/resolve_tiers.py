"""From merged YAML to the tiers and their prices."""

import re
from typing import Any

from treadle.spec import names
from treadle.spec.faults import Faults, Place, kind_of
from treadle.spec.fields import Fields
from treadle.spec.read import Map, plain
from treadle.spec.tiers import ModelEntry, Price, Tier, Tiers, is_loopback

TIERS_KEYS = ("tiers", "prices", "time_value_usd_per_hour")
TIER_KEYS = ("models",)
MODEL_KEYS = ("model", "endpoint", "key_env", "options")
PRICE_KEYS = ("input", "output", "cached")
SCRIPTED = "scripted/"
_ON_THIS_MACHINE = (SCRIPTED, "local/", "ollama/")
_MODEL = re.compile(r"[^\s/]+(/[^\s/]+)*\Z")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def tier_names(raw: Map | None) -> tuple[str, ...]:
    """All tiers that `raw` declares, in order, `code` first where it is not among them."""
    tiers = raw.get("tiers") if raw is not None else None
    declared = tuple(tiers) if isinstance(tiers, Map) else ()
    return declared if names.CODE in declared else (names.CODE, *declared)


def resolve_tiers(raw: Map | None, faults: Faults, own: Map | None = None) -> Tiers:
    """The tiers as read; what is faulty is left out. `own` are those without what a repository says of them."""
    if raw is None:
        return Tiers((Tier(names.CODE),))
    fields = Fields(raw, faults, TIERS_KEYS)
    declared = {tier.name: tier for tier in _tiers(fields)}
    value = fields.number("time_value_usd_per_hour", 0, 100_000)
    if value is not None and fields.at("time_value_usd_per_hour")[0].layer == "repository":
        reason = "what your time is worth is yours to say"
        words = {"what": "time_value_usd_per_hour", "found": value, "reason": reason}
        fields.fault("time_value_usd_per_hour", "repository_widens", **words)
    return Tiers(
        tiers=tuple(declared.get(name, Tier(name)) for name in tier_names(raw)),
        prices=_prices(fields),
        time_value_usd_per_hour=float(value or 0.0),
        last=tier_names(own)[-1] if own is not None else "",
    )


def _tiers(fields: Fields) -> list[Tier]:
    found = []
    raw = fields.mapping("tiers") or Map(fields.map.place)
    for name, value in raw.items():
        if not re.match(names.NAME + r"\Z", name):
            fields.faults.add(raw.keys_at[name], "bad_name", found=name, what="a tier's name")
        if not isinstance(value, Map):
            words = {"what": f"tier `{name}`", "wanted": "a mapping", "found": kind_of(value)}
            fields.faults.add(raw.at[name], "wrong_type", **words)
            continue
        tier = Fields(value, fields.faults, TIER_KEYS)
        models = [_model(item, place, fields.faults) for item, place in tier.items("models") or ()]
        if name == names.CODE and models:
            tier.fault("models", "code_models")
        found.append(Tier(name, tuple(model for model in models if model)))
    return found


def _model(value: Any, place: Place, faults: Faults) -> ModelEntry | None:
    if isinstance(value, str):
        name = _model_name(value, place, faults)
        return ModelEntry(name) if name else None
    if not isinstance(value, Map):
        wanted = "its name or a mapping with `model`"
        faults.add(place, "wrong_type", what="a model", wanted=wanted, found=kind_of(value))
        return None
    fields = Fields(value, faults, MODEL_KEYS)
    if not fields.require("model"):
        return None
    name = _model_name(fields.text("model"), fields.at("model"), faults)
    entry = ModelEntry(name, _endpoint(fields), _key_env(fields), _options(fields))
    return entry if name else None


def _model_name(name: str, place: Place, faults: Faults) -> str:
    """The name, a scripted one's file made absolute; empty after a fault."""
    if not name:
        return ""
    if name.startswith(SCRIPTED):
        return _scripted(name, place, faults)
    if not _MODEL.match(name):
        faults.add(place, "bad_model", found=name)
        return ""
    return name


def _scripted(name: str, place: Place, faults: Faults) -> str:
    source = place[0]
    path = (source.path.parent / name.removeprefix(SCRIPTED)).resolve()
    if source.inside is not None and not path.is_relative_to(source.inside.resolve()):
        faults.add(place, "model_outside", found=name)
    elif not path.is_file():
        faults.add(place, "model_path", found=name)
    else:
        return f"{SCRIPTED}{path}"
    return ""


def _endpoint(fields: Fields) -> str:
    endpoint = fields.text("endpoint")
    if not endpoint:
        return ""
    if "@" in endpoint:
        fields.fault("endpoint", "endpoint_user")
        return ""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(endpoint)
        scheme, host, _ = parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        scheme = host = ""
    if not host or scheme not in ("http", "https"):
        fields.fault("endpoint", "bad_endpoint", found=endpoint)
        return ""
    if fields.at("endpoint")[0].layer == "repository" and not is_loopback(host):
        reason = "it may send requests to this machine only; put the endpoint into your own tiers.yaml"
        fields.fault("endpoint", "repository_widens", what="endpoint", found=endpoint, reason=reason)
    return endpoint


def _key_env(fields: Fields) -> str:
    name = fields.text("key_env")
    if not name:
        return ""
    if not _KEY.match(name):
        fields.fault("key_env", "bad_key_env")
        return ""
    if fields.at("key_env")[0].layer == "repository":
        reason = "which key is used is yours to say, in your own tiers.yaml"
        fields.fault("key_env", "repository_widens", what="key_env", found=name, reason=reason)
    return name


def _options(fields: Fields) -> dict[str, Any]:
    raw = fields.mapping("options")
    if raw is None:
        return {}
    for key in raw:
        if raw.keys_at[key][0].layer == "repository" and key not in names.MODEL_OPTIONS:
            fields.unknown(raw.keys_at[key], key, names.MODEL_OPTIONS, "repository_option")
    options: dict[str, Any] = plain(raw)
    return options


def _prices(fields: Fields) -> dict[str, Price]:
    found = {}
    raw = fields.mapping("prices") or Map(fields.map.place)
    for pattern, value in raw.items():
        if raw.keys_at[pattern][0].layer == "repository" and not pattern.startswith(_ON_THIS_MACHINE):
            reason = "what a model costs is yours to say, for your caps are counted with it"
            words = {"what": "prices", "found": pattern, "reason": reason}
            fields.faults.add(raw.keys_at[pattern], "repository_widens", **words)
        if not isinstance(value, Map):
            words = {"what": f"the price of `{pattern}`", "wanted": "{input: USD, output: USD}"}
            fields.faults.add(raw.at[pattern], "wrong_type", found=kind_of(value), **words)
            continue
        price = Fields(value, fields.faults, PRICE_KEYS)
        price.require("input")
        price.require("output")
        cached = price.number("cached", 0, 1e6)
        found[pattern] = Price(
            float(price.number("input", 0, 1e6) or 0.0),
            float(price.number("output", 0, 1e6) or 0.0),
            None if cached is None else float(cached),
        )
    return found
