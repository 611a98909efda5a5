"""Options of Jina that do not act here: without effect, or not in this version.

They are known so that programs and files written for Jina get an answer: those without effect are accepted and warned
of once, the others accept Jina's default and refuse every other value with the reason.
"""

from __future__ import annotations

from mproc_flow.options.containers import Data, DictOf, ListOf
from mproc_flow.options.declare import Option
from mproc_flow.options.kinds import Flag, Integer, Kind, Path, Text, Union

_HTTP = 'the HTTP front'
_GRPC = 'the gRPC front'
_KEYS = 'keys for connections between hosts'
_LOGS = 'configurable logs'
_METRICS = 'metrics'
_TRACES = 'traces'
_CLOUDS = 'the containers of cloud providers'
_STATE = 'replicated state'
_TEXT, _DATA = Text(), Data()
_MAPPING = Union((DictOf(_TEXT, _DATA), _TEXT))

_LATER: dict[str, tuple[str, Kind, object]] = {  # name: (what it needs, kind, Jina's default)
    'tls': (_KEYS, Flag(), False),
    'https': (_KEYS, Flag(), False),  # what tls was called before
    'compression': (_GRPC, _TEXT, 'NoCompression'),
    'log_config': (_LOGS, _DATA, 'default'),
    'quiet_error': (_LOGS, Flag(), False),
    'monitoring': (_METRICS, Flag(), False),
    'metrics': (_METRICS, Flag(), False),
    'metrics_exporter_host': (_METRICS, _TEXT, None),
    'metrics_exporter_port': (_METRICS, Integer(), None),
    'tracing': (_TRACES, Flag(), False),
    'traces_exporter_host': (_TRACES, _TEXT, None),
    'traces_exporter_port': (_TRACES, Integer(), None),
    'output_array_type': (_HTTP, _TEXT, None),
    'provider': (_CLOUDS, _TEXT, 'NONE'),
    'provider_endpoint': (_CLOUDS, _TEXT, None),
    'reload': ('reloading of changed code', Flag(), False),
}
_LATER_FLOW: dict[str, tuple[str, Kind, object]] = {
    'port_monitoring': (_METRICS, Integer(), 9090),
    'cors': (_HTTP, Flag(), False),
    'default_swagger_ui': (_HTTP, Flag(), False),
    'title': (_HTTP, _TEXT, None),
    'description': (_HTTP, _TEXT, None),
    'expose_endpoints': (_HTTP, _MAPPING, None),
    'expose_graphql_endpoint': (_HTTP, Flag(), False),
    'no_crud_endpoints': (_HTTP, Flag(), False),
    'no_debug_endpoints': (_HTTP, Flag(), False),
    'ssl_certfile': (_HTTP, Path(absolute=False), None),
    'ssl_keyfile': (_HTTP, Path(absolute=False), None),
    'reuse_session': (_HTTP, Flag(), False),
    'uvicorn_kwargs': (_HTTP, _MAPPING, None),
    'grpc_server_kwargs': (_GRPC, _MAPPING, None),
    'grpc_server_options': (_GRPC, _MAPPING, None),
}
_LATER_EXECUTOR: dict[str, tuple[str, Kind, object]] = {
    'port_monitoring': (_METRICS, _DATA, None),
    'quiet': (_LOGS, Flag(), False),
    'exit_on_exceptions': ('a list of errors that end a process', ListOf(_TEXT), None),
    'stateful': (_STATE, Flag(), False),
    'raft_configuration': (_STATE, _MAPPING, None),
    'peer_ports': (_STATE, _DATA, None),
}

_INTERNAL = "Jina's own use; it follows from the graph"
_CONTAINERS = 'it is for containers, and Executors run as processes of this host'
_HUB = "Jina's hub is no longer there"
_REMOTE = 'Executors run on this host'
_NO_EFFECT: dict[str, tuple[str, Kind, object]] = {  # name: (why, kind, Jina's default)
    'native': ('a Flow always runs its Executors natively', Flag(), False),
    'host_in': (_REMOTE, _TEXT, '0.0.0.0'),
    'grpc_channel_options': ('Executors are not connected by gRPC', _DATA, None),
}
_NO_EFFECT_FLOW: dict[str, tuple[str, Kind, object]] = {
    'runtime_cls': (_INTERNAL, _TEXT, 'GatewayRuntime'),
    'proxy': ('connections of ZeroMQ use no proxy', Flag(), False),
    'deployments_addresses': (_INTERNAL, _MAPPING, None),
    'deployments_disable_reduce': (_INTERNAL, _DATA, None),
    'deployments_no_reduce': (_INTERNAL, _DATA, None),
    'deployments_metadata': (_INTERNAL, _MAPPING, None),
    'graph_conditions': (_INTERNAL, _MAPPING, None),
    'graph_description': (_INTERNAL, _MAPPING, None),
    'suppress_root_logging': ('importing mproc_flow changes no logger', Flag(), False),
}
_NO_EFFECT_EXECUTOR: dict[str, tuple[str, Kind, object]] = {
    'runtime_cls': (_INTERNAL, _TEXT, 'WorkerRuntime'),
    'volumes': (_CONTAINERS, _DATA, None),
    'gpus': (_CONTAINERS, _DATA, None),
    'docker_kwargs': (_CONTAINERS, _MAPPING, None),
    'entrypoint': (_CONTAINERS, _DATA, None),
    'disable_auto_volume': (_CONTAINERS, Flag(), False),
    'force_network_mode': (_CONTAINERS, _TEXT, None),
    'env_from_secret': (_CONTAINERS, _MAPPING, None),
    'image_pull_secrets': (_CONTAINERS, _DATA, None),
    'install_requirements': (_HUB, Flag(), False),
    'force_update': (_HUB, Flag(), False),
    'prefer_platform': (_HUB, _TEXT, None),
    'upload_files': (_REMOTE, _DATA, None),
    'quiet_remote_logs': (_REMOTE, Flag(), False),
    'connection_list': (_INTERNAL, _MAPPING, None),
    'deployment_role': (_INTERNAL, _TEXT, 'DEPLOYMENT'),
    'pod_role': (_INTERNAL, _TEXT, 'WORKER'),
    'uses_before_address': (_INTERNAL, _TEXT, None),
    'uses_after_address': (_INTERNAL, _TEXT, None),
    'allow_concurrent': ('async methods always run concurrently', Flag(), False),
}


def _later(table: dict[str, tuple[str, Kind, object]]) -> tuple[Option, ...]:
    return tuple(
        Option(name, kind, f'Not in this version: it needs {needs}.', default=default, later=needs)
        for name, (needs, kind, default) in table.items()
    )


def _no_effect(table: dict[str, tuple[str, Kind, object]]) -> tuple[Option, ...]:
    return tuple(
        Option(name, kind, f'Accepted without effect: {why}.', default=default, no_effect=why)
        for name, (why, kind, default) in table.items()
    )


FLOW_OF_JINA = _later(_LATER_FLOW | _LATER) + _no_effect(_NO_EFFECT_FLOW | _NO_EFFECT)
EXECUTOR_OF_JINA = _later(_LATER_EXECUTOR | _LATER) + _no_effect(_NO_EFFECT_EXECUTOR | _NO_EFFECT)
