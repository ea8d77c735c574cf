"""Capacity: what is known of every GPU in every region, by what evidence, and what could be tried next."""

from lib.ui import capacity_view, chrome, confirm, probe_panel

chrome.header("Capacity", "Where each GPU can be had, who says so, how old that is, and what would be next.")
capacity_view.show()
confirm.open_asked()
probe_panel.open_asked()
