"""What a command must not read: keys, logins, histories, and every socket that a service outside listens on."""

import os
import pwd
import stat
from pathlib import Path

_KEYS = "keys and logins"
_BROWSER = "cookies and saved passwords"
_HISTORY = "what the person typed, passwords among it"
_AGENT = "keys and conversations of coding agents"
_MAIL = "mail and messages"
_WALLET = "wallets"
_DESKTOP = "the person's desktop session"
_SERVICE = "rights over services of the machine"

IN_HOME: dict[str, str] = {
    **dict.fromkeys(
        (
            ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".oci", ".aliyun", ".bluemix", ".minikube",
            ".config/gcloud", ".config/gh", ".config/hub", ".config/glab-cli", ".config/doctl", ".config/linode-cli",
            ".config/hcloud", ".config/scw", ".config/heroku", ".config/netlify", ".config/vercel", ".config/fly",
            ".config/containers/auth.json", ".config/rclone", ".config/op", ".config/sops", ".config/age",
            ".config/git/credentials", ".config/pip/pip.conf", ".config/pypoetry/auth.toml", ".config/hatch",
            ".config/composer/auth.json", ".config/stripe", ".config/configstore", ".config/openai", ".config/uv",
            ".config/wrangler", ".config/firebase", ".config/sentry", ".config/hashicorp", ".config/NuGet",
            ".config/jgit", ".config/argocd", ".config/github-copilot", ".config/keybase", ".config/huggingface",
            ".local/share/keyrings", ".local/share/kwalletd",
            ".local/share/pypoetry/auth.toml", ".local/share/uv/credentials",
            ".password-store", ".netrc", "_netrc", ".authinfo", ".authinfo.gpg", ".git-credentials", ".npmrc",
            ".yarnrc", ".yarnrc.yml", ".pypirc", ".pip/pip.conf", ".cargo/credentials", ".cargo/credentials.toml",
            ".gem/credentials", ".bundle/config", ".m2/settings.xml", ".m2/settings-security.xml",
            ".gradle/gradle.properties", ".composer/auth.json",
            ".nuget/NuGet", ".hex/hex.config", ".terraform.d/credentials.tfrc.json",
            ".terraformrc", ".vault-token", ".pgpass", ".my.cnf", ".mylogin.cnf", ".s3cfg", ".boto", ".fly",
            ".netlify", ".vercel", ".databrickscfg", ".snowflake", ".snowsql", ".kaggle", ".huggingface",
            ".cache/huggingface/token", ".cache/huggingface/stored_tokens", ".wandb", ".ngrok2", ".step", ".tsh",
            ".pki", ".secrets", ".env", ".envrc", ".k5login", ".smbcredentials", ".mc/config.json", ".circleci",
            ".travis", ".sentryclirc", ".cf/config.json",
            ".chef", ".ansible/vault", ".vault_pass", ".subversion/auth",
            ".hgrc", ".floorc", ".rhosts",
            ".1password", ".config/1Password", ".config/Bitwarden", ".config/Bitwarden CLI",
            ".config/keepassxc", ".local/share/containers/auth.json",
            ".config/cachix", ".config/nix", ".config/attic",
        ),
        _KEYS,
    ),
    **dict.fromkeys(
        (
            ".mozilla", ".config/google-chrome", ".config/google-chrome-beta", ".config/chromium",
            ".config/BraveSoftware", ".config/microsoft-edge", ".config/vivaldi", ".config/opera", ".librewolf",
            ".waterfox", ".zen", ".local/share/qutebrowser", ".local/share/epiphany", ".config/falkon",
            ".config/Electron", ".var/app", "snap/firefox", "snap/chromium", "snap/brave",
        ),
        _BROWSER,
    ),
    **dict.fromkeys(
        (
            ".bash_history", ".zsh_history", ".zhistory", ".histfile", ".sh_history", ".ksh_history", ".history",
            ".zsh_sessions", ".bash_sessions", ".local/share/fish/fish_history", ".config/fish/fish_history",
            ".python_history", ".node_repl_history", ".psql_history", ".mysql_history", ".sqlite_history",
            ".rediscli_history", ".dbshell", ".mongo", ".irb_history", ".lesshst", ".viminfo", ".local/state/nvim",
            ".local/share/atuin", ".ipython/profile_default/history.sqlite", ".wget-hsts", ".recently-used",
        ),
        _HISTORY,
    ),
    **dict.fromkeys(
        (
            ".claude", ".claude.json", ".codex", ".gemini", ".aider", ".aider.conf.yml", ".config/opencode",
            ".local/share/opencode", ".continue", ".cursor", ".config/Cursor", ".config/Code", ".config/VSCodium",
            ".vscode-server/data", ".copilot", ".config/goose", ".config/io.datasette.llm", ".ollama/id_ed25519",
            ".openai", ".anthropic", ".config/treadle", ".local/state/treadle", ".config/zed", ".config/JetBrains",
        ),
        _AGENT,
    ),
    **dict.fromkeys(
        (
            ".thunderbird", ".config/evolution", ".local/share/evolution", ".mutt", ".muttrc", ".config/neomutt",
            ".msmtprc", ".mbsyncrc", ".offlineimaprc", ".fetchmailrc", "Mail", "Maildir", ".config/Signal",
            ".config/Slack", ".config/discord", ".config/Element", ".local/share/TelegramDesktop", ".config/teams",
            ".purple", ".irssi", ".weechat", ".config/weechat", ".config/irssi",
        ),
        _MAIL,
    ),
    **dict.fromkeys(
        (
            ".bitcoin", ".electrum", ".ethereum", ".monero", ".config/solana", ".config/Exodus", ".dogecoin",
            ".litecoin", ".foundry/keystores",
        ),
        _WALLET,
    ),
    **dict.fromkeys((".Xauthority", ".ICEauthority", ".dbus", ".config/pulse", ".config/systemd"), _DESKTOP),
}  # fmt: skip
"""Below a home, and why. Folders and files that are not there cost nothing."""

ON_MACHINE: dict[str, str] = {
    **dict.fromkeys(
        (
            "/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/sudoers", "/etc/sudoers.d",
            "/etc/krb5.keytab", "/etc/ssl/private", "/etc/letsencrypt", "/etc/kubernetes", "/etc/rancher",
            "/etc/wireguard", "/etc/openvpn", "/etc/NetworkManager/system-connections", "/etc/wpa_supplicant",
            "/etc/ppp", "/etc/docker", "/etc/netrc", "/etc/security/opasswd", "/etc/ssh", "/etc/vault.d",
            "/etc/tailscale", "/var/lib/tailscale", "/var/lib/docker", "/var/lib/containerd", "/var/lib/kubelet",
            "/var/lib/NetworkManager", "/var/lib/sss", "/var/lib/cloud", "/var/spool", "/var/backups", "/var/log",
            "/var/mail", "/secrets",
        ),
        _KEYS,
    ),
    **dict.fromkeys(
        (
            "/sys/firmware", "/sys/kernel/debug", "/sys/kernel/tracing", "/sys/kernel/security", "/sys/fs/bpf",
            "/sys/fs/fuse", "/sys/power", "/var/lib/libvirt", "/var/lib/lxd", "/var/lib/incus",
        ),
        _SERVICE,
    ),
}  # fmt: skip


BY_VARIABLE = (
    "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AZURE_CONFIG_DIR", "CLOUDSDK_CONFIG", "KUBECONFIG",
    "GOOGLE_APPLICATION_CREDENTIALS", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "GNUPGHOME", "NETRC", "PGPASSFILE",
    "NPM_CONFIG_USERCONFIG", "PIP_CONFIG_FILE", "GH_CONFIG_DIR", "CLAUDE_CONFIG_DIR", "CODEX_HOME", "HISTFILE",
    "VAULT_TOKEN_FILE", "PASSWORD_STORE_DIR", "SOPS_AGE_KEY_FILE", "HF_TOKEN_PATH", "BOTO_CONFIG", "RCLONE_CONFIG",
    "XAUTHORITY", "SSH_AUTH_SOCK",
)  # fmt: skip
"""Variables that say where such things lie when they don't lie in their usual place."""


def hidden_paths(home: str) -> list[str]:
    """Every path of the tables that is here, links resolved: of `home`, of the home that this user has by the
    machine's own list, and treadle's own settings and state. Sorted."""
    wanted = [*ON_MACHINE, *_own()]
    homes = {os.path.realpath(place) for place in (home, _listed_home(), os.path.expanduser("~")) if place}
    for place in homes - {"/"}:
        wanted += [f"{place}/{name}" for name in IN_HOME]
    for variable, usual in (("XDG_CONFIG_HOME", ".config/"), ("XDG_DATA_HOME", ".local/share/")):
        elsewhere = os.environ.get(variable, "")
        if elsewhere:
            wanted += [
                f"{elsewhere}/{name.removeprefix(usual)}" for name in IN_HOME if name.startswith(usual)
            ]
    for variable in BY_VARIABLE:
        wanted += [path for path in os.environ.get(variable, "").split(os.pathsep) if os.path.isabs(path)]
    cargo = os.environ.get("CARGO_HOME", "")
    wanted += [f"{cargo}/credentials", f"{cargo}/credentials.toml"] if cargo else []
    found = {os.path.realpath(path) for path in wanted if os.path.lexists(path)}
    return sorted(path for path in found if not any(f"{place}/".startswith(f"{path}/") for place in homes))


def sockets() -> list[str]:
    """Where services of this machine listen by a path, as far as the kernel tells; sorted."""
    found = set()
    try:
        with Path("/proc/net/unix").open("rb") as lines:
            for line in lines:
                path = os.fsdecode(line.rstrip(b"\n").partition(b" /")[2])
                if path:
                    found.add(os.path.realpath("/" + path))
    except OSError:
        return []
    return sorted(path for path in found if _is_socket(path))


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False


def _listed_home() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""


def _own() -> list[str]:
    """treadle's own folders: settings that allow things, traces, checkpoints of other repositories."""
    home = os.path.expanduser("~")
    config = os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    state = os.environ.get("XDG_STATE_HOME") or f"{home}/.local/state"
    return [f"{config}/treadle", f"{state}/treadle"]
