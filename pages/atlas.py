"""Atlas: where GPUs can be had, where the fleet stands, and one region's card. Draws; decides nothing."""

from lib.ui import atlas_view, chrome, confirm

chrome.header("Atlas", "Where GPUs can be had, and where this workload serves from.")
atlas_view.begin()
atlas_view.show()
confirm.open_asked()
