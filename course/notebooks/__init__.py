"""What a lesson and a lab notebook are: their tags, their cells, where labs lie.

A change here changes how every notebook is built and read.
"""
