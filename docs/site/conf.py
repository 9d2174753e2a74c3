"""Settings of the site that `make docs` builds with Sphinx.

The source folder is the checkout, not docs/, so that links to examples, to CHANGELOG.md or to the chart's README are
checked like those between pages.
"""

import mailstack_operator

project = "MailStack"
release = mailstack_operator.__version__
project_copyright = "the MailStack authors, Apache-2.0"
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**.md", "charts/*/README.md"]
exclude_patterns = [".*"]
extensions = ["myst_parser"]
myst_heading_anchors = 3
# An unknown target is an error; so are a page outside the navigation and a link to a file that does not exist.
nitpicky = True
# The pages are also read without the site, where a code block has no lexer to please: `text` where none is named.
highlight_language = "text"
html_theme = "furo"
html_title = f"MailStack {release}"
html_copy_source = False
html_extra_path = ["root"]
