"""Delivery: how the workload gets to run in each cluster by Config Sync, and the way back to an earlier commit."""

from lib.ui import chrome, confirm, delivery_view

chrome.header("Delivery", "What Git says each cluster runs, what it does run, and the way back.")
delivery_view.begin()
delivery_view.show()
confirm.open_asked()
