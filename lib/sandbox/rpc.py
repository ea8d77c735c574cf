"""The gRPC door: google.container.v1, google.cloud.gkehub.v1, google.longrunning and google.monitoring.v3 over TLS.

Generic handlers made from the table of verbs; a method that is not in it answers UNIMPLEMENTED. Behaviour is in
`gke`, `hub` and `monitoring`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import any_pb2, json_format
from google.rpc import error_details_pb2, status_pb2

from lib.sandbox import disturbance
from lib.sandbox.errors import ApiError
from lib.sandbox.verbs import Verb, enter
from lib.sandbox.world import World

_READ = ("authorization",)
_DETAILS = (error_details_pb2.ErrorInfo, error_details_pb2.RetryInfo)  # imported: Any finds them by name


async def start(world: World, verbs: Iterable[Verb], *, state_dir: Path, port: int) -> grpc.aio.Server:
    """Listen on the loopback port; RuntimeError when it can't be had."""
    # Without this a second process could share the port, and each would get half of the calls.
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    services: dict[str, dict[str, grpc.RpcMethodHandler]] = {}
    for verb in verbs:
        services.setdefault(verb.service, {})[verb.method] = grpc.unary_unary_rpc_method_handler(
            _handler(world, verb),
            request_deserializer=verb.request.FromString,
            response_serializer=verb.response.SerializeToString,
        )
    server.add_generic_rpc_handlers(
        tuple(grpc.method_handlers_generic_handler(name, methods) for name, methods in services.items())
    )
    pair = ((state_dir / "server-key.pem").read_bytes(), (state_dir / "server.pem").read_bytes())
    server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials([pair]))
    await server.start()
    return server


def _handler(world: World, verb: Verb) -> Callable[[Any, grpc.aio.ServicerContext], Awaitable[Any]]:
    async def answer(request: Any, context: grpc.aio.ServicerContext) -> Any:
        metadata = {key: str(value) for key, value in context.invocation_metadata() or () if key in _READ}
        asked = json_format.MessageToDict(request)
        place = disturbance.place_of(f"{asked.get('parent') or asked.get('name') or ''}/")
        try:
            await enter(
                world,
                api=verb.api,
                authorization=metadata.get("authorization"),
                permission=verb.permission,
                writes=verb.writes,
                facts={"method": verb.method, "region": place},
            )
            found = verb.call(world, asked)
        except ApiError as e:
            await _abort(context, e)
            raise
        return json_format.ParseDict(found, verb.response(), ignore_unknown_fields=True)

    return answer


async def _abort(context: grpc.aio.ServicerContext, error: ApiError) -> None:
    code = getattr(grpc.StatusCode, error.code)
    status = status_pb2.Status(code=code.value[0], message=error.message)
    for detail in error.details:
        status.details.append(json_format.ParseDict(detail, any_pb2.Any()))
    trailing = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(code, error.message, trailing)
