"""The gallery of kept pictures, searched and page by page, and two of them side by side."""

from __future__ import annotations

from datetime import tzinfo

import streamlit as st

from lib.ui import glance, kept_pictures, paging, passport_card, words
from lib.ui.kept_pictures import Kept
from lib.ui.shown_pictures import COMPARE, PICTURE, choose

SHOWN = 12  # a page
SEARCH, PAGE = "gallery_search", "gallery_page"


def show(kept: tuple[Kept, ...], shown: Kept, beside: Kept | None) -> None:
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    text = right.text_input(
        "Search the gallery", key=SEARCH, placeholder="words, a region, a GPU, a seed", bind="query-params",
        icon=":material/search:", label_visibility="collapsed", on_change=paging.back_to_first, args=(PAGE,),
    )  # fmt: skip
    found = kept_pictures.found(kept, text)
    if not found:
        left.caption(f"None of the {words.plural(len(kept), 'kept picture')} has these words.")
        return
    pages = -(-len(found) // SHOWN)
    page = min(paging.asked(PAGE), pages)
    first = (page - 1) * SHOWN
    part = found[first : first + SHOWN]
    of = f"{len(found)} that fit, of {len(kept)} kept" if text else f"{len(kept)} kept pictures"
    left.caption(
        f"The last {len(part)} of {of}" if page == 1 else f"{first + 1} to {first + len(part)} of {of}"
    )
    grid = st.grid(6, min_column_width=110, gap="small")
    for one in part:
        with grid.cell():
            _small(one, shown, beside)
    paging.control(PAGE, page, pages)


def _small(one: Kept, shown: Kept, beside: Kept | None) -> None:
    st.image(str(one.thumbnail), width="stretch", alt=glance.shortened(one.prompt, 80))
    here = one.name == shown.name
    with st.container(horizontal=True, gap=None, horizontal_alignment="distribute"):
        st.button(
            str(one.passport.get("region") or "somewhere"), key=f"open-{one.name}", type="tertiary", disabled=here,
            on_click=choose, args=(PICTURE, one.name),
        )  # fmt: skip
        st.button(
            "Compare", key=f"compare-{one.name}", type="tertiary", disabled=here,
            help="Beside the one above" if beside is None or one.name != beside.name else "It is beside the one above",
            on_click=choose, args=(COMPARE, one.name),
        )  # fmt: skip


def compare(one: Kept, other: Kept, zone: tzinfo) -> None:
    """Two pictures with what is the same and what is not: settings, place, GPU, time."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{_verdict(one, other)}**")
        st.button("Close", key="compare_close", icon=":material/close:", on_click=choose, args=(COMPARE, ""))
    for column, picture in zip(st.columns(2, gap="medium"), (one, other), strict=True):
        with column:
            st.image(str(picture.path), width="stretch", alt=glance.shortened(picture.prompt, 120))
            st.caption(words.plain(glance.shortened(picture.prompt, 120)))
            passport_card.download(picture)
    st.markdown(_table(one, other, zone), unsafe_allow_html=True)


def _verdict(one: Kept, other: Kept) -> str:
    differ = kept_pictures.differences(one, other)
    settings = (
        "The same settings and seed"
        if not differ
        else f"Other {words.listed([d[0].lower() for d in differ])}"
    )
    same = kept_pictures.same_pixels(one.path, other.path)
    pixels = (
        "" if same is None else "; the same picture, pixel by pixel" if same else "; not the same picture"
    )
    return f"{settings}{pixels}"


def _table(one: Kept, other: Kept, zone: tzinfo) -> str:
    left, right = dict(passport_card.facts(one, zone)), dict(passport_card.facts(other, zone))
    rows = [(name, left.get(name, "-"), right.get(name, "-")) for name in dict.fromkeys((*left, *right))]
    rows += [
        (title, words.plain(a).replace("|", "") or "-", words.plain(b).replace("|", "") or "-")
        for title, a, b in kept_pictures.differences(one, other)
        if title not in left
    ]
    lines = [f"| {name} | {_cell(a, b)} | {_cell(b, a)} |" for name, a, b in rows]
    return "\n".join(["| | Left | Right |", "|---|---|---|", *lines])


def _cell(text: str, other: str) -> str:
    return text if text == other else f"**{text}**"
