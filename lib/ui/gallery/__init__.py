"""Every widget of `lib.ui` in each of its states, with made-up values: for reviews and for the tests in a browser.

Reachable only with ATLAS_GALLERY=1. One state is on the screen at a time (`?widget=glance.show&state=down`), and it stops
the live picture of the whole process, so it is a room for one. Nothing here is ever shown as live.
"""
