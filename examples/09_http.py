"""HTTP: an agent reaches the hosts that are listed and no other. The server here is started by the example.

$ python examples/09_http.py
done: Order 7 is shipped.
done: Step 1 of the plan failed. The tool http reported an error: Error: the host 127.0.0.1:1 is not allowed; …
"""

import asyncio
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import perdure


class Orders(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"order": self.path.rpartition("/")[2], "status": "shipped"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def agent(plan: str, allow: str) -> dict[str, Any]:
    return {
        "name": "tracker",
        "model": "demo/planner",
        "instructions": plan,
        "tools": [{"http": {"allow": [allow], "methods": ["GET"]}}],
    }


async def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Orders)
    Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_port}"
    with TemporaryDirectory() as folder:
        async with perdure.open(folder) as runtime:
            plan = f'1. call http {{"url": "http://{host}/orders/7"}}\n2. say Order 7 is shipped.'
            result = await runtime.run(agent(plan, allow=host), "Where is order 7?")
            print(f"{result.status}: {result.output}")
            plan = '1. call http {"url": "http://127.0.0.1:1/"}'
            result = await runtime.run(agent(plan, allow=host), "And what is over there?")
            print(f"{result.status}: {result.output}")
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    asyncio.run(main())
