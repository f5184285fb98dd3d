"""Which environment variables hold the keys of which providers. Names only, never a value."""

from collections.abc import Mapping

from msgspec import Struct


class Provider(Struct, frozen=True):
    """A provider of models. `name` is what stands before `/` in a model's name, "" in `large` etc. is none.

    All of `variables` are needed, but any of `instead` does for the first of them. `title` is for people.
    The default models are the makers' general ones at about their three prices, by litellm 1.105.3's own table.
    """

    name: str
    title: str
    variables: tuple[str, ...]
    instead: tuple[str, ...] = ()
    large: str = ""
    medium: str = ""
    small: str = ""

    def default(self, tier: str) -> str:
        """The default model for tier `large`, `medium` or `small`, "" for none or another tier."""
        return {"large": self.large, "medium": self.medium, "small": self.small}.get(tier, "")


_PROVIDERS = (
    Provider(
        "anthropic",
        "Anthropic",
        ("ANTHROPIC_API_KEY",),
        large="anthropic/claude-opus-5-5",
        medium="anthropic/claude-sonnet-5-5",
        small="anthropic/claude-haiku-5-5",
    ),
    Provider(
        "openai",
        "OpenAI",
        ("OPENAI_API_KEY",),
        large="openai/gpt-6.1-sol",
        medium="openai/gpt-5.4-mini",
        small="openai/gpt-6-luna",
    ),
    Provider(
        "gemini",
        "Google Gemini",
        ("GEMINI_API_KEY",),
        ("GOOGLE_API_KEY",),
        large="gemini/gemini-pro-latest",
        medium="gemini/gemini-flash-latest",
        small="gemini/gemini-flash-lite-latest",
    ),
    Provider(
        "mistral",
        "Mistral",
        ("MISTRAL_API_KEY",),
        large="mistral/mistral-medium-latest",
        medium="mistral/devstral-latest",
        small="mistral/mistral-small-latest",
    ),
    Provider(
        "deepseek",
        "DeepSeek",
        ("DEEPSEEK_API_KEY",),
        large="deepseek/deepseek-v4-pro",
        medium="deepseek/deepseek-v4-flash",
        small="deepseek/deepseek-v4-flash",
    ),
    Provider("xai", "xAI", ("XAI_API_KEY",), large="xai/grok-4.7", medium="xai/grok-code-fast"),
    Provider(
        "openrouter",
        "OpenRouter",
        ("OPENROUTER_API_KEY",),
        ("OR_API_KEY",),
        # Its own choice among all makers: litellm's table names none of its models, so it stays unpriced.
        large="openrouter/openrouter/auto",
    ),
    Provider(
        "groq",
        "Groq",
        ("GROQ_API_KEY",),
        medium="groq/openai/gpt-oss-120b",
        small="groq/openai/gpt-oss-20b",
    ),
    Provider("cerebras", "Cerebras", ("CEREBRAS_API_KEY",), medium="cerebras/gpt-oss-120b"),
    Provider(
        "together_ai",
        "Together AI",
        ("TOGETHERAI_API_KEY",),
        ("TOGETHER_API_KEY", "TOGETHER_AI_TOKEN"),
        large="together_ai/moonshotai/Kimi-K3",
        medium="together_ai/zai-org/GLM-5.3",
        small="together_ai/zai-org/GLM-5.3-Flash",
    ),
    Provider("fireworks_ai", "Fireworks AI", ("FIREWORKS_AI_API_KEY",), ("FIREWORKS_API_KEY",)),
    Provider("moonshot", "Moonshot", ("MOONSHOT_API_KEY",)),
    Provider("zai", "Z.ai", ("ZAI_API_KEY",)),
    Provider("cohere", "Cohere", ("COHERE_API_KEY",), ("CO_API_KEY",)),
    Provider("perplexity", "Perplexity", ("PERPLEXITYAI_API_KEY",), ("PERPLEXITY_API_KEY",)),
    Provider("azure", "Azure OpenAI", ("AZURE_API_KEY", "AZURE_API_BASE", "AZURE_API_VERSION")),
    Provider(
        "bedrock",
        "Amazon Bedrock",
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION_NAME"),
    ),
)

_BARE = (("claude-", "anthropic"), ("gpt-", "openai"), ("chatgpt-", "openai"), ("o1", "openai"),
         ("o3", "openai"), ("o4", "openai"))  # fmt: skip


def providers() -> tuple[Provider, ...]:
    """The providers that treadle knows the keys of, those with default models first."""
    return _PROVIDERS


def found_keys(environ: Mapping[str, str]) -> tuple[Provider, ...]:
    """The providers whose variables are all set (and not empty) in `environ`, in `providers()`'s order."""
    return tuple(p for p in _PROVIDERS if not missing(p, environ))


def missing(provider: Provider, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the variables that `provider` needs and `environ` does not hold, () where it has all."""
    first, *rest = provider.variables
    ways = (first, *provider.instead)
    absent = () if any(environ.get(name, "").strip() for name in ways) else (first,)
    return (*absent, *(name for name in rest if not environ.get(name, "").strip()))


def key_names(model_name: str) -> tuple[str, ...]:
    """The variables that a model of that name needs, all of them; () for one that needs no key.

    A provider that treadle does not know is taken to follow the custom, NAME_API_KEY.
    """
    provider = provider_of(model_name)
    return provider.variables if provider else ()


def provider_of(model_name: str) -> Provider | None:
    """The provider that serves a cloud model of that name (`openai/gpt-5`, `claude-opus-5`), else None."""
    maker, slash, _ = model_name.partition("/")
    if not slash:
        maker = next((name for prefix, name in _BARE if model_name.startswith(prefix)), "")
    if not maker or maker in ("local", "scripted", "ollama", "ollama_chat"):
        return None
    known = next((p for p in _PROVIDERS if p.name == maker), None)
    return known or Provider(
        maker, maker, (f"{''.join(c if c.isalnum() else '_' for c in maker).upper()}_API_KEY",)
    )
