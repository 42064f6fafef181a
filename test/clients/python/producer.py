"""Sends 0, 1, 2, ... to partition 0 of a topic, one at a time, until its standard input ends.

Prints a line of JSON for each outcome: {"number": 7, "at": 1700000000000} or {"number": 7, "failed": "..."}.
"""

import json
import sys
import threading
import time

from confluent_kafka import Producer

servers, topic = sys.argv[1:]
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()

producer = Producer(
    {
        "bootstrap.servers": servers,
        "enable.idempotence": True,
        "message.timeout.ms": 0,
        # As librdkafkaOptions() has them.
        "metadata.recovery.strategy": "rebootstrap",
        "metadata.recovery.rebootstrap.trigger.ms": 10000,
        "socket.connection.setup.timeout.ms": 10000,
        "reconnect.backoff.max.ms": 1000,
    }
)

number = 0
while not stop.is_set():
    outcome = []
    value = json.dumps({"producer": 0, "sender": 0, "number": number})
    producer.produce(topic, value, partition=0, on_delivery=lambda error, _: outcome.append(error))
    while not outcome:
        producer.poll(0.1)
    told = {"at": int(time.time() * 1000)} if outcome[0] is None else {"failed": str(outcome[0])}
    print(json.dumps({"number": number, **told}), flush=True)
    number += 1
    time.sleep(0.02)
