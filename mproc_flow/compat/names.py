"""What the modules of Jina, and of the docarray that came with it, are called here.

One table for all: ``module: {name: 'our.module:our_name'}``. A module that is not in it, or not the beginning of one
that is, does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator

# The releases whose interface is spoken: what programs compare with.
JINA_VERSION = '3.6.16'
DOCARRAY_VERSION = '0.15.4'

_DOCUMENTS = {'Document': 'mproc_flow.model.document:Document', 'DocumentArray': 'mproc_flow.model.array:DocumentArray'}
_REQUESTS = {'requests': 'mproc_flow.executor:requests'}
_EXECUTORS = {'BaseExecutor': 'mproc_flow.executor:Executor', 'Executor': 'mproc_flow.executor:Executor'}
_FLOW = {'Flow': 'mproc_flow.flow:Flow'}
_ASYNC_FLOW = {'AsyncFlow': 'mproc_flow.async_flow:AsyncFlow'}
_CLIENT = {'Client': 'mproc_flow.client:Client'}
_DEPLOYMENT = {'Deployment': 'mproc_flow.deployment:Deployment'}
_RESPONSES = dict.fromkeys(('DataRequest', 'Request', 'Response'), 'mproc_flow.model.request:Response')


def _all(home: str, names: str) -> dict[str, str]:
    return {name: f'{home}:{name}' for name in names.split()}


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
    'jina': {
        **_FLOW, **_ASYNC_FLOW, **_DEPLOYMENT, **_CLIENT, **_REQUESTS, **_DOCUMENTS,
        'Executor': _EXECUTORS['Executor'],
        '__version__': 'mproc_flow.compat.names:JINA_VERSION',
    },
    'jina.clients': _CLIENT,
    'jina.enums': _all(
        'mproc_flow.compat.enums', 'FlowInspectType GatewayProtocolType LogVerbosity PollingType ProtocolType'
    ),
    'jina.excepts': _ERRORS,
    'jina.executors': _EXECUTORS,
    'jina.executors.decorators': _REQUESTS,
    'jina.helper': _all(
        'mproc_flow.compat.helper',
        'batch_iterator cached_property random_identity random_port random_ports random_uuid typename',
    ),
    'jina.logging.logger': _all('mproc_flow.compat.logger', 'JinaLogger'),
    'jina.logging.predefined': _all('mproc_flow.compat.logger', 'default_logger'),
    'jina.logging.profile': _all('mproc_flow.compat.logger', 'TimeContext'),
    'jina.orchestrate.deployments': _DEPLOYMENT,
    'jina.orchestrate.flow.asyncio': _ASYNC_FLOW,
    'jina.orchestrate.flow.base': _FLOW,
    'jina.serve.executors': _EXECUTORS,
    'jina.serve.executors.decorators': _REQUESTS,
    'jina.types.arrays.document': {'DocumentArray': _DOCUMENTS['DocumentArray']},
    'jina.types.document': {'Document': _DOCUMENTS['Document']},
    'jina.types.document.generators': _GENERATORS,
    'jina.types.request': {'Request': _RESPONSES['Request']},
    'jina.types.request.data': _RESPONSES,
    'docarray': {**_DOCUMENTS, '__version__': 'mproc_flow.compat.names:DOCARRAY_VERSION'},
    'docarray.array': {'DocumentArray': _DOCUMENTS['DocumentArray']},
    'docarray.array.document': {'DocumentArray': _DOCUMENTS['DocumentArray']},
    'docarray.document': {'Document': _DOCUMENTS['Document']},
    'docarray.document.generators': _GENERATORS,
}  # fmt: skip

# Why something that programs are likely to ask for is not there.
_REASONS = {
    'jina.monitor': 'metrics come with a later version',
    'jina.serve.executors.decorators.monitor': 'metrics come with a later version',
    'jina.dynamic_batching': 'dynamic batching comes with a later version',
    'jina.serve.executors.decorators.dynamic_batching': 'dynamic batching comes with a later version',
    'jina.Gateway': 'gateways of your own come with a later version',
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
