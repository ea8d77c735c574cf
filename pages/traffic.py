"""Traffic: from the one address to the pods, what is healthy and why, and what users got."""

from lib.ui import chrome, traffic_view

chrome.header(
    "Traffic", "One address for the world: the way of a request, what is healthy and why, what users got."
)
traffic_view.show()
