"""The `suture` command (temporary)."""
import asyncio
import sys
from pathlib import Path


def main():
    from suture.app import open_installation, read_estate, serve, work
    a=sys.argv[1:]
    import uvloop
    if a[0]=='worker': uvloop.run(work(a[1], open_installation(Path(a[3]))))
    if a[0]=='serve':
        e,f=read_estate(Path(a[1]))
        uvloop.run(serve(open_installation(Path(a[2])), f))
