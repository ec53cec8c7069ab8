"""The network vocabulary of Seatgate: topics and payloads, each encoded and decoded in one file.

Pure: no sockets, files, threads, logging or clocks live here; a time is always an argument.
"""
