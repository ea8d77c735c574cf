"""Activity: what was seen, decided and done, newest first, with the reasons and the original words."""

import streamlit as st

from lib.ui import browser, chrome, confirm, session, timeline, words, worldmap

chrome.header(
    "Activity", "What was seen, decided and done, with why and why not. Open a line for its original words."
)

with st.container(horizontal=True, vertical_alignment="bottom"):
    view = st.segmented_control(
        "Show",
        list(timeline.VIEWS),
        key="activity_view",
        default="Everything",
        required=True,
        width="content",
    )
    region = st.selectbox(
        "Region", worldmap.PLACES, key="activity_region", index=None, placeholder="every region", width=210
    )
    text = st.text_input(
        "Search", key="activity_text", placeholder="words in the line", width=260, icon=":material/search:"
    )

wanted = timeline.Wanted(kinds=timeline.VIEWS[view], region=region or "", text=text)


@st.fragment(run_every=chrome.HEARTBEAT_S)
def live() -> None:
    snapshot = session.current()
    chrome.banners(snapshot)
    found = timeline.chosen(snapshot.entries, wanted)
    if not snapshot.entries:
        st.info(
            "Nothing has been written yet; the first lines come with the set-up.",
            icon=":material/hourglass_top:",
        )
    elif not found:
        st.info(f"None of the {words.plural(len(snapshot.entries), 'latest line')} fits these filters.")
    else:
        rest = len(found) - timeline.SHOWN
        st.caption(f"{len(found)} lines" + (f", the newest {timeline.SHOWN} shown" if rest > 0 else ""))
        timeline.show(snapshot, found, key="timeline")
    browser.follow(snapshot)


live()
confirm.open_asked()
