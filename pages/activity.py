"""Activity: what was seen, decided and done, and by whom, with the reasons and the original words."""

from lib.ui import activity_view, chrome, confirm

chrome.header(
    "Activity", "What was seen, decided and done, with why and why not. Open a line for its original words."
)
activity_view.show()
confirm.open_asked()
