"""The options as types, for editors and type checkers. Made by scripts/generate.py: do not edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, TypedDict


class FlowOptions(TypedDict, total=False):
    """Keyword arguments of a Flow."""

    name: str | None
    host: str | None
    port: int | None
    protocol: str | None
    prefetch: int | None
    max_in_flight: int | None
    return_responses: bool | None
    inspect: str | None
    asyncio: bool | None
    quiet: bool | None
    preload: str | Sequence[str] | None
    shared_memory_from: int | None
    uses: str | None
    env: Mapping[str, str | int | float | bool | PathLike[str]] | None
    workspace: str | PathLike[str] | None
    start_method: str | None
    timeout_ready: int | None
    timeout_ctrl: float | None
    timeout_send: int | None
    retries: int | None
    restart: bool | None
    replicas: int | None
    shards: int | None
    polling: str | Mapping[str, str] | None
    uses_with: Mapping[str, Any] | None
    uses_metas: Mapping[str, Any] | None
    uses_requests: Mapping[str, str] | None
    py_modules: str | PathLike[str] | Sequence[str | PathLike[str]] | None
    port_monitoring: int | None
    cors: bool | None
    default_swagger_ui: bool | None
    title: str | None
    description: str | None
    expose_endpoints: Mapping[str, Any] | str | None
    expose_graphql_endpoint: bool | None
    no_crud_endpoints: bool | None
    no_debug_endpoints: bool | None
    ssl_certfile: str | PathLike[str] | None
    ssl_keyfile: str | PathLike[str] | None
    reuse_session: bool | None
    uvicorn_kwargs: Mapping[str, Any] | str | None
    grpc_server_kwargs: Mapping[str, Any] | str | None
    grpc_server_options: Mapping[str, Any] | str | None
    tls: bool | None
    https: bool | None
    compression: str | None
    log_config: Any | None
    quiet_error: bool | None
    monitoring: bool | None
    metrics: bool | None
    metrics_exporter_host: str | None
    metrics_exporter_port: int | None
    tracing: bool | None
    traces_exporter_host: str | None
    traces_exporter_port: int | None
    output_array_type: str | None
    provider: str | None
    provider_endpoint: str | None
    reload: bool | None
    runtime_cls: str | None
    proxy: bool | None
    deployments_addresses: Mapping[str, Any] | str | None
    deployments_disable_reduce: Any | None
    deployments_no_reduce: Any | None
    deployments_metadata: Mapping[str, Any] | str | None
    graph_conditions: Mapping[str, Any] | str | None
    graph_description: Mapping[str, Any] | str | None
    suppress_root_logging: bool | None
    native: bool | None
    host_in: str | None
    grpc_channel_options: Any | None


class StepOptions(TypedDict, total=False):
    """Options of an Executor, beside its name and what it needs."""

    uses: type[Any] | str | PathLike[str] | Mapping[str, Any] | None
    env: Mapping[str, str | int | float | bool | PathLike[str]] | None
    workspace: str | PathLike[str] | None
    start_method: str | None
    timeout_ready: int | None
    timeout_ctrl: float | None
    timeout_send: int | None
    retries: int | None
    restart: bool | None
    replicas: int | None
    shards: int | None
    polling: str | Mapping[str, str] | None
    uses_with: Mapping[str, Any] | None
    uses_metas: Mapping[str, Any] | None
    uses_requests: Mapping[str, str] | None
    py_modules: str | PathLike[str] | Sequence[str | PathLike[str]] | None
    uses_before: type[Any] | str | PathLike[str] | Mapping[str, Any] | None
    uses_after: type[Any] | str | PathLike[str] | Mapping[str, Any] | None
    disable_reduce: bool | None
    no_reduce: bool | None
    uses_dynamic_batching: Mapping[str, Mapping[str, int | bool]] | None
    when: Mapping[str, Any] | None
    floating: bool | None
    external: bool | None
    host: str | None
    port: int | None
    extra_search_paths: str | PathLike[str] | Sequence[str | PathLike[str]] | None
    port_monitoring: Any | None
    quiet: bool | None
    exit_on_exceptions: str | Sequence[str] | None
    stateful: bool | None
    raft_configuration: Mapping[str, Any] | str | None
    peer_ports: Any | None
    tls: bool | None
    https: bool | None
    compression: str | None
    log_config: Any | None
    quiet_error: bool | None
    monitoring: bool | None
    metrics: bool | None
    metrics_exporter_host: str | None
    metrics_exporter_port: int | None
    tracing: bool | None
    traces_exporter_host: str | None
    traces_exporter_port: int | None
    output_array_type: str | None
    provider: str | None
    provider_endpoint: str | None
    reload: bool | None
    runtime_cls: str | None
    volumes: Any | None
    gpus: Any | None
    docker_kwargs: Mapping[str, Any] | str | None
    entrypoint: Any | None
    disable_auto_volume: bool | None
    force_network_mode: str | None
    env_from_secret: Mapping[str, Any] | str | None
    image_pull_secrets: Any | None
    install_requirements: bool | None
    force_update: bool | None
    prefer_platform: str | None
    upload_files: Any | None
    quiet_remote_logs: bool | None
    connection_list: Mapping[str, Any] | str | None
    deployment_role: str | None
    pod_role: str | None
    uses_before_address: str | None
    uses_after_address: str | None
    allow_concurrent: bool | None
    native: bool | None
    host_in: str | None
    grpc_channel_options: Any | None


class ExecutorOptions(StepOptions, total=False):
    """Keyword arguments of ``Flow.add()``."""

    name: str | None
    needs: str | Sequence[str] | None


class DeploymentOptions(TypedDict, total=False):
    """Keyword arguments of a Deployment."""

    uses: type[Any] | str | PathLike[str] | Mapping[str, Any] | None
    name: str | None
    env: Mapping[str, str | int | float | bool | PathLike[str]] | None
    workspace: str | PathLike[str] | None
    start_method: str | None
    timeout_ready: int | None
    timeout_ctrl: float | None
    timeout_send: int | None
    retries: int | None
    restart: bool | None
    replicas: int | None
    shards: int | None
    polling: str | Mapping[str, str] | None
    uses_with: Mapping[str, Any] | None
    uses_metas: Mapping[str, Any] | None
    uses_requests: Mapping[str, str] | None
    py_modules: str | PathLike[str] | Sequence[str | PathLike[str]] | None
    uses_before: type[Any] | str | PathLike[str] | Mapping[str, Any] | None
    uses_after: type[Any] | str | PathLike[str] | Mapping[str, Any] | None
    disable_reduce: bool | None
    no_reduce: bool | None
    uses_dynamic_batching: Mapping[str, Mapping[str, int | bool]] | None
    when: Mapping[str, Any] | None
    extra_search_paths: str | PathLike[str] | Sequence[str | PathLike[str]] | None
    host: str | None
    port: int | None
    protocol: str | None
    prefetch: int | None
    max_in_flight: int | None
    return_responses: bool | None
    quiet: bool | None
    preload: str | Sequence[str] | None
    shared_memory_from: int | None
    port_monitoring: int | None
    exit_on_exceptions: str | Sequence[str] | None
    stateful: bool | None
    raft_configuration: Mapping[str, Any] | str | None
    peer_ports: Any | None
    tls: bool | None
    https: bool | None
    compression: str | None
    log_config: Any | None
    quiet_error: bool | None
    monitoring: bool | None
    metrics: bool | None
    metrics_exporter_host: str | None
    metrics_exporter_port: int | None
    tracing: bool | None
    traces_exporter_host: str | None
    traces_exporter_port: int | None
    output_array_type: str | None
    provider: str | None
    provider_endpoint: str | None
    reload: bool | None
    runtime_cls: str | None
    volumes: Any | None
    gpus: Any | None
    docker_kwargs: Mapping[str, Any] | str | None
    entrypoint: Any | None
    disable_auto_volume: bool | None
    force_network_mode: str | None
    env_from_secret: Mapping[str, Any] | str | None
    image_pull_secrets: Any | None
    install_requirements: bool | None
    force_update: bool | None
    prefer_platform: str | None
    upload_files: Any | None
    quiet_remote_logs: bool | None
    connection_list: Mapping[str, Any] | str | None
    deployment_role: str | None
    pod_role: str | None
    uses_before_address: str | None
    uses_after_address: str | None
    allow_concurrent: bool | None
    native: bool | None
    host_in: str | None
    grpc_channel_options: Any | None
    cors: bool | None
    default_swagger_ui: bool | None
    title: str | None
    description: str | None
    expose_endpoints: Mapping[str, Any] | str | None
    expose_graphql_endpoint: bool | None
    no_crud_endpoints: bool | None
    no_debug_endpoints: bool | None
    ssl_certfile: str | PathLike[str] | None
    ssl_keyfile: str | PathLike[str] | None
    reuse_session: bool | None
    uvicorn_kwargs: Mapping[str, Any] | str | None
    grpc_server_kwargs: Mapping[str, Any] | str | None
    grpc_server_options: Mapping[str, Any] | str | None
    proxy: bool | None
    deployments_addresses: Mapping[str, Any] | str | None
    deployments_disable_reduce: Any | None
    deployments_no_reduce: Any | None
    deployments_metadata: Mapping[str, Any] | str | None
    graph_conditions: Mapping[str, Any] | str | None
    graph_description: Mapping[str, Any] | str | None
    suppress_root_logging: bool | None


class ClientOptions(TypedDict, total=False):
    """Keyword arguments of a Client, beside its host and port."""

    protocol: str | None
    prefetch: int | None
    return_responses: bool | None
    asyncio: bool | None
    tls: bool | None
    proxy: bool | None
    reuse_session: bool | None


class LoadOptions(FlowOptions, total=False):
    """Keyword arguments of ``Flow.load_config()``."""

    context: Mapping[str, Any] | None
    substitute: bool | None
    extra_search_paths: str | PathLike[str] | Sequence[str | PathLike[str]] | None


class DeploymentLoadOptions(DeploymentOptions, total=False):
    """Keyword arguments of ``Deployment.load_config()``."""

    context: Mapping[str, Any] | None
    substitute: bool | None
