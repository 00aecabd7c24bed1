#!/usr/bin/env python3
"""Run JavaScript functions on an offhand pool, from Python.

A pool speaks gRPC, so a program in any language can use it with nothing but the files in proto/: find a free worker, run
code on it with JSON arguments, free it.

    apt-get install python3-grpcio python3-grpc-tools      # or: pip install grpcio grpcio-tools
    npx offhand server 2                                   # in another terminal
    /usr/bin/python3 examples/python/client.py             # or with an address: client.py 127.0.0.1:4999

Address: the first argument, else OFFHAND_ADDRESS, else 127.0.0.1:4999.
TLS: OFFHAND_TLS_CA, the file with the pool's certificate or that of its authority; without it, none.
Token: OFFHAND_TOKEN, else the file that the pool made at its first start (~/.config/offhand/token).
"""

import json
import os
import pathlib
import sys
import tempfile

import grpc
from grpc_tools import protoc

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"

SOURCE = """
(text) => {
  const words = text.toLowerCase().match(/[a-z]+/g) ?? [];
  return { words: words.length, longest: words.reduce((a, b) => (b.length > a.length ? b : a), '') };
}
"""


def load_stubs(folder):
    """Generate Python modules from the .proto files into `folder`, and import them."""
    files = [str(path) for path in sorted(PROTO.glob("offhand/v1/*.proto"))]
    if protoc.main(["protoc", f"-I{PROTO}", f"--python_out={folder}", f"--grpc_python_out={folder}", *files]):
        sys.exit("client.py: the .proto files could not be compiled")
    sys.path.insert(0, folder)
    from offhand.v1 import common_pb2, coordinator_pb2, coordinator_pb2_grpc, worker_pb2, worker_pb2_grpc

    return common_pb2, coordinator_pb2, coordinator_pb2_grpc, worker_pb2, worker_pb2_grpc


def find_token():
    if os.environ.get("OFFHAND_TOKEN"):
        return os.environ["OFFHAND_TOKEN"]
    config = os.environ.get("XDG_CONFIG_HOME") or pathlib.Path.home() / ".config"
    return (pathlib.Path(config) / "offhand" / "token").read_text().strip()


def dial(address):
    # A proxy from the environment is for the internet, not for a pool.
    options = [("grpc.enable_http_proxy", 0)]
    ca = os.environ.get("OFFHAND_TLS_CA")
    if not ca:
        return grpc.insecure_channel(address, options=options)
    credentials = grpc.ssl_channel_credentials(pathlib.Path(ca).read_bytes())
    return grpc.secure_channel(address, credentials, options=options)


def run(address, token, source, *args):
    """Run one JavaScript function on a free worker of the pool, and return its result."""
    common, coordinator, coordinator_grpc, worker, worker_grpc = stubs
    metadata = [("authorization", f"Bearer {token}"), ("client-id", f"python-{os.getpid()}")]
    with dial(address) as channel:
        pool = coordinator_grpc.CoordinatorStub(channel)
        # Waits until a worker is free, at most for as long as the timeout says.
        lease = pool.FindFreeWorker(coordinator.FindFreeWorkerRequest(), metadata=metadata, timeout=30)
        try:
            request = worker.RunCodeRequest(
                lease_id=lease.lease_id,
                source=source,
                arguments=common.Payload(encoding=common.JSON, data=json.dumps(args).encode()),
                limits=common.Limits(timeout_ms=10_000),
                name="count_words",
            )
            with dial(f"{lease.host}:{lease.port}") as worker_channel:
                response = worker_grpc.WorkerStub(worker_channel).RunCode(request, metadata=metadata)
        finally:
            pool.FreeWorker(coordinator.FreeWorkerRequest(lease_id=lease.lease_id), metadata=metadata)
    if response.WhichOneof("outcome") == "failure":
        raise RuntimeError(f"{response.failure.name or response.failure.code}: {response.failure.message}")
    return lease.worker, json.loads(response.result.data)


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("OFFHAND_ADDRESS", "127.0.0.1:4999")
    try:
        token = find_token()
        worker, result = run(address, token, SOURCE, "The worker runs JavaScript and the caller speaks Python")
        print(f"{worker} says: {result['words']} words, the longest is {result['longest']}")
        try:
            run(address, token, "() => { throw new RangeError('too far'); }")
        except RuntimeError as error:
            print(f"an error arrives in words: {error}")
    except grpc.RpcError as error:
        sys.exit(f"client.py: {error.code().name}: {error.details()}")
    except OSError as error:
        sys.exit(f"client.py: no token, start a pool first or set OFFHAND_TOKEN ({error})")


with tempfile.TemporaryDirectory(prefix="offhand-python-") as generated:
    stubs = load_stubs(generated)
    main()
