"""The documentation site: pages of the repository, the labs with their pictures, and the reference of the code.

A change here changes what readers see on the site, and nothing else.
"""
