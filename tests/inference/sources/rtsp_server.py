"""Serve an H.264 file over and over on rtsp://127.0.0.1:PORT/cam; for the system's Python.

/usr/bin/python3 rtsp_server.py FILE PORT
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

Gst.init(None)
file, port = sys.argv[1:]
factory = GstRtspServer.RTSPMediaFactory()
pay = "rtph264pay name=pay0 pt=96 config-interval=1"
factory.set_launch(f"( filesrc location={file} ! qtdemux ! h264parse ! {pay} )")
server = GstRtspServer.RTSPServer()
server.set_service(port)
server.get_mount_points().add_factory("/cam", factory)
server.attach(None)
print("ready", flush=True)
GLib.MainLoop().run()
