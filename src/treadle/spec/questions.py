"""A protocol's prompt file: several questions under `## name` headings."""


def questions(text: str) -> dict[str, str]:
    """Each question's text by its heading, stripped; lines before the first heading are left out."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("## "):
            name = line[3:].strip()
            found[name] = []
        elif name:
            found[name].append(line)
    return {name: "\n".join(lines).strip() for name, lines in found.items()}
