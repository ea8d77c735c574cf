"""Fleet: every cluster with all that is known of it, the phases its region went through, and a way into each."""

from lib.ui import chrome, confirm, fleet_view

chrome.header(
    "Fleet", "Every cluster, what it runs and how it got there. Open one for its pods, events, logs and YAML."
)
fleet_view.show()
confirm.open_asked()
