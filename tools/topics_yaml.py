"""Writes the topics that the Helm chart's KafkaTopic resources are made of, from `schemas/topics.py`.

    python tools/topics_yaml.py

The venues are the installed ones, for a processor reads the frames of every venue that it can map.
"""

import sys
from pathlib import Path

from dropcopy.settings import Settings
from dropcopy.topics import installed_venues, wanted_topics

TARGET = Path(__file__).resolve().parent.parent / "deploy/helm/dropcopy/files/topics.yaml"
HEAD = "# Made of schemas/topics.py by tools/topics_yaml.py; a test holds it against them.\ntopics:\n"


def topics_yaml() -> str:
    """Return the file's text: each topic's name and its settings, by their Kafka names."""
    entries = []
    for wanted in wanted_topics(Settings(), installed_venues()):
        config = "".join(f'      {name}: "{value}"\n' for name, value in sorted(wanted.config.items()))
        entries.append(f"  # {wanted.topic.purpose}\n  - name: {wanted.name}\n    config:\n{config}")
    return HEAD + "".join(entries)


def main() -> int:
    """Write the file, and say what it holds."""
    text = topics_yaml()
    TARGET.write_text(text, "utf-8")
    print(f"{TARGET}: {text.count('- name:')} topics", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
