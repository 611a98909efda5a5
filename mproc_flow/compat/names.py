"""What the modules of Jina, and of the docarray that came with it, are called here.

One table for all: ``module: {name: 'our.module:our_name'}``. A module that is not in it, or not the beginning of one
that is, does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator

# The releases whose interface is spoken: what programs compare with.
JINA_VERSION = '3.6.16'
DOCARRAY_VERSION = '0.15.4'


def _all(home: str, names: str) -> dict[str, str]:
    return {name: f'{home}:{name}' for name in names.split()}


_OURS = _all('mproc_flow', 'AsyncFlow Client Deployment Document DocumentArray Executor Flow dynamic_batching requests')
_DOCUMENT, _ARRAY = {'Document': _OURS['Document']}, {'DocumentArray': _OURS['DocumentArray']}
_DECORATORS = {name: _OURS[name] for name in ('requests', 'dynamic_batching')}
_DEPLOYMENT = {'Deployment': _OURS['Deployment']}
_EXECUTORS = {'Executor': _OURS['Executor'], 'BaseExecutor': _OURS['Executor']}
_RESPONSES = dict.fromkeys(('DataRequest', 'Request', 'Response'), 'mproc_flow.model.request:Response')
_GENERATORS = _all('mproc_flow.types.document.generators', 'from_ndarray from_files from_csv from_lines from_ndjson')
_ERRORS = {
    **_all(
        'mproc_flow.errors',
        'RuntimeFailToStart FlowTopologyError FlowBuildLevelError BadConfigSource BadYAMLVersion BadClient '
        'BadClientCallback BadClientInput BadServer PortAlreadyUsed',
    ),
    # Other names for what we raise in the same place.
    'BaseJinaException': 'mproc_flow.errors:MprocFlowError',
    'RuntimeRunForeverEarlyError': 'mproc_flow.errors:RuntimeFailToStart',
    'FlowMissingDeploymentError': 'mproc_flow.errors:FlowTopologyError',
    'BadServerFlow': 'mproc_flow.errors:BadServer',
    'ExecutorError': 'mproc_flow.errors:BadServer',
    'EstablishGrpcConnectionError': 'mproc_flow.errors:PodDied',
    'InternalNetworkError': 'mproc_flow.errors:PodDied',
    **_all(
        'mproc_flow.compat.excepts',
        'RuntimeTerminated BadRequestType NoContainerizedError NotSupportedError BadImageNameError DockerVersionError',
    ),
}

MODULES: dict[str, dict[str, str]] = {
    'jina': {**_OURS, '__version__': 'mproc_flow.compat.names:JINA_VERSION'},
    'jina.clients': {'Client': _OURS['Client']},
    'jina.enums': _all(
        'mproc_flow.compat.enums', 'FlowInspectType GatewayProtocolType LogVerbosity PollingType ProtocolType'
    ),
    'jina.excepts': _ERRORS,
    'jina.executors': _EXECUTORS,
    'jina.executors.decorators': _DECORATORS,
    'jina.helper': _all(
        'mproc_flow.compat.helper',
        'batch_iterator cached_property random_identity random_port random_ports random_uuid typename',
    ),
    'jina.logging.logger': _all('mproc_flow.compat.logger', 'JinaLogger'),
    'jina.logging.predefined': _all('mproc_flow.compat.logger', 'default_logger'),
    'jina.logging.profile': _all('mproc_flow.compat.logger', 'TimeContext'),
    'jina.orchestrate.deployments': _DEPLOYMENT,
    'jina.orchestrate.flow.asyncio': {'AsyncFlow': _OURS['AsyncFlow']},
    'jina.orchestrate.flow.base': {'Flow': _OURS['Flow']},
    'jina.serve.executors': _EXECUTORS,
    'jina.serve.executors.decorators': _DECORATORS,
    'jina.types.arrays.document': _ARRAY,
    'jina.types.document': _DOCUMENT,
    'jina.types.document.generators': _GENERATORS,
    'jina.types.request': {'Request': _RESPONSES['Request']},
    'jina.types.request.data': _RESPONSES,
    'docarray': {**_DOCUMENT, **_ARRAY, '__version__': 'mproc_flow.compat.names:DOCARRAY_VERSION'},
    'docarray.array': _ARRAY,
    'docarray.array.document': _ARRAY,
    'docarray.document': _DOCUMENT,
    'docarray.document.generators': _GENERATORS,
    'docarray.score': {'NamedScore': 'mproc_flow.types.document:NamedScore'},
}  # fmt: skip

_TYPED = 'typed documents need docarray itself: pip install mproc-flow[docarray]'

# Why something that programs are likely to ask for is not there.
_REASONS = {
    'jina.monitor': 'metrics come with a later version',
    'jina.serve.executors.decorators.monitor': 'metrics come with a later version',
    'jina.Gateway': 'gateways of your own come with a later version',
    **{f'docarray.{name}': _TYPED for name in ('BaseDoc', 'DocList', 'DocVec', 'base_doc', 'documents', 'typing')},
    'jina.hubble': "Jina's hub is no longer there",
}


def _beginnings(name: str) -> Iterator[str]:
    while '.' in name:
        name = name.rpartition('.')[0]
        yield name


for _beginning in {beginning for module in MODULES for beginning in _beginnings(module)}:
    MODULES.setdefault(_beginning, {})


def absence(name: str) -> str:
    """Return the sentence that says that a module or a name of Jina's is not there."""
    reason = f' ({_REASONS[name]})' if name in _REASONS else ''
    package = name.partition('.')[0]
    return f'mproc_flow, which stands in for {package} here, has no {name}{reason}: see docs/migrating.md'
