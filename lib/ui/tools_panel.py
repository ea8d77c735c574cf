"""How to point gcloud, kubectl and the command line at what this dashboard shows. Commands to copy, nothing is run."""

from __future__ import annotations

import shlex

import streamlit as st

from lib.settings import HOME, Settings


def show(settings: Settings) -> None:
    st.header("Point your own tools at it", anchor=False)
    st.caption(
        "In a shell in the product's folder. The sandbox speaks the real protocols, so gcloud, kubectl and Google's "
        "client libraries work unchanged."
        if settings.label
        else "With your own sign-in to Google Cloud and your own rights."
    )
    st.code("\n".join(commands(settings)), language=None, wrap_lines=True)


def commands(settings: Settings) -> list[str]:
    cluster, region, project = (
        shlex.quote(one) for one in (settings.config_cluster, settings.config_region, settings.project)
    )
    if settings.label:
        own = settings.state_dir != HOME / ".atlas"
        at = [f"export ATLAS_STATE_DIR={shlex.quote(str(settings.state_dir))}"] if own else []
        begin = [*at, 'eval "$(./atlas sandbox env)"']
        context = f"kubectl config use-context {cluster}"
    else:
        begin = [f"gcloud config set project {project}"]
        context = f"gcloud container clusters get-credentials {cluster} --region {region} --project {project}"
    return [
        *begin,
        "gcloud container clusters list",
        "gcloud container fleet memberships list",
        context,
        f"kubectl get gpuplacements,gpuregions --namespace {shlex.quote(settings.namespace)}",
        "kubectl get multiclusteringresses,multiclusterservices --all-namespaces",
        "./atlas status",
    ]
