#!/usr/bin/env python3
"""A network whose packets are late and get lost, for kernels that have no netem: TUN devices, and this program between them.

    slow_network.py DELAY_MS LOSS_PERCENT DEVICE=IPV4...

Makes the devices, says "ready" and hands every packet that one of them sends to the device of its destination, so much later. Devices
may be moved to other network namespaces then. What a device that is down would get is lost. SIGTERM ends it with a line of
how many packets it has carried and lost.
"""
import fcntl
import heapq
import os
import random
import select
import signal
import socket
import struct
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


def opened(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


def main():
    delay, loss = float(sys.argv[1]) / 1e3, float(sys.argv[2]) / 100
    names = dict(pair.split("=") for pair in sys.argv[3:])
    of_address = {socket.inet_aton(address): opened(name) for name, address in names.items()}
    running = [True]
    signal.signal(signal.SIGTERM, lambda *_: running.clear())
    print("ready", flush=True)
    draw = random.Random(1)
    on_their_way = []  # (when due, number, device, packet)
    carried = lost = 0
    while running:
        wait = max(0, on_their_way[0][0] - time.monotonic()) if on_their_way else 0.5
        for device in select.select(of_address.values(), [], [], min(wait, 0.5))[0]:
            try:
                packet = os.read(device, 65536)
            except OSError:  # it is down
                continue
            to = of_address.get(packet[16:20])
            if to is None or packet[0] >> 4 != 4:
                continue
            if draw.random() < loss:
                lost += 1
            else:
                heapq.heappush(on_their_way, (time.monotonic() + delay, carried, to, packet))
                carried += 1
        while on_their_way and on_their_way[0][0] <= time.monotonic():
            try:
                os.write(on_their_way[0][2], on_their_way[0][3])
            except OSError:
                lost += 1
            heapq.heappop(on_their_way)
    print(f"{carried} packets were carried, {lost} lost", flush=True)


main()
