"""Config Sync's error codes (KNV...): what each means and what an operator does about it.

The codes and subjects are Config Sync's own (reference 7.2); the advice is for this platform, where one directory of the
delivery repository belongs to one cluster. An unknown code is said to be unknown; the original text is kept by whoever
shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "KNV"
INSTALL = "INSTALL"  # not Config Sync's own: it could not be installed
_AGAIN = "It is tried again by itself; look at the cluster when it stays."
_ROLL_BACK = "Roll back to a commit before it, then mend the file."


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    subject: str
    what_to_do: str


def _row(subject: str, what_to_do: str) -> Advice:
    return Advice(subject=subject, what_to_do=what_to_do)


TABLE: Mapping[str, Advice] = {
    "1021": _row(
        "A kind that the cluster doesn't know",
        f"Its CRD is missing there: Multi Cluster Ingress kinds belong in the config cluster only. {_ROLL_BACK}",
    ),
    "1029": _row("Two objects of one name", f"The directory declares the same object twice. {_ROLL_BACK}"),
    "1034": _row(
        "A namespace that is Config Sync's own", f"Move the object to another namespace. {_ROLL_BACK}"
    ),
    "1054": _row("An annotation with a wrong value", f"A selector is misspelled. {_ROLL_BACK}"),
    "1055": _row("A directory with a wrong name", "Rename the directory in the repository."),
    "1056": _row("An object in a namespace that isn't managed", "Declare the namespace, or move the object."),
    "1060": _row(
        "Two syncs manage one object",
        "Another RootSync or RepoSync owns it too; take it out of one of the two repositories.",
    ),
    "1061": _row(
        "The RootSync itself is wrong", "Repository, directory or authentication are missing in its spec."
    ),
    "1067": _row("A field of the wrong type", f"A manifest doesn't fit its kind's schema. {_ROLL_BACK}"),
    "1068": _row("Kustomize or Helm failed", f"The files can't be rendered. {_ROLL_BACK}"),
    "1069": _row("The RootSync would sync itself", "Take it out of the repository."),
    "2002": _row("The cluster's API failed", _AGAIN),
    "2004": _row(
        "The source can't be read",
        "The repository, branch or directory isn't there, or the token is refused: check ATLAS_DELIVERY_URL and "
        "ATLAS_DELIVERY_TOKEN, and that the directory is committed.",
    ),
    "2005": _row(
        "Somebody else keeps changing the object",
        "A controller or a person fights with Config Sync over a declared field; take the field out of one of the two.",
    ),
    "2006": _row(
        "The source is empty",
        "Config Sync refuses to delete everything it manages. Commit the files again, or contract the region.",
    ),
    "2008": _row("The object changed meanwhile", _AGAIN),
    "2009": _row(
        "The cluster refuses an object",
        f"An admission rule, an immutable field or the API said no; the text names the object. {_ROLL_BACK}",
    ),
    "2010": _row("An object can't be used", f"The text names it. {_ROLL_BACK}"),
    "2012": _row("More than one of what may be there once", "Take the others out of the repository."),
    "2013": _row(
        "Config Sync lacks a right", "Give its service account the role that the text names, in that cluster."
    ),
    "2014": _row("The admission webhook is wrong", _AGAIN),
    "2015": _row("Rendering failed inside Config Sync", _AGAIN),
    "2016": _row("It passes by itself", _AGAIN),
    "2017": _row("The namespaces can't be listed", _AGAIN),
    "9998": _row("A fault of Config Sync", f"{_AGAIN} Then ask Google's support with the text."),
    "9999": _row("An error without a code of its own", "The text says what it is."),
    INSTALL: _row("Config Sync can't be installed", f"The cluster may have no room for it yet. {_AGAIN}"),
}


def advice(code: str) -> Advice:
    """For "KNV2009", "2009" or "INSTALL"."""
    known = TABLE.get(code.removeprefix(PREFIX))
    return known or _row("An error that this version doesn't know", "The text says what it is.")
