"""What stands behind a lesson in a room: slides, the instructor's guide, the folder for rooms without network.

All of it is made from the lessons, the reference and the misconceptions by rules; nothing is written lab by lab. A
change here changes paper and slides, and no mark.
"""
