"""Every argument of Jina is known, and for every option that acts a test shows it in effect."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from mproc_flow import Flow
from mproc_flow.options.declare import OptionGroup
from mproc_flow.options.groups import CLIENT, DEPLOYMENT, EXECUTOR, FLOW, GATEWAY

ROOT = Path(__file__).resolve().parents[2]

EFFECT, GRAPH, EXTERNAL, TOPOLOGIES, EXECUTORS, STARTING = (
    f'processes/test_{name}.py::test_'
    for name in ('options_in_effect', 'graph_features', 'external', 'topologies', 'executors', 'starting')
)
LISTENS = f'{EFFECT}a_flow_listens_where_it_is_told'
PREFETCH = f'{EFFECT}no_more_requests_are_in_flight_than_prefetch_allows'
RESPONSES = f'{GRAPH}responses_instead_of_documents_for_the_whole_flow'
EVERY_FORM = f'{EFFECT}an_executor_in_every_form'
ASYNC = 'processes/test_async_flow.py::test_'
SHARDS = f'{GRAPH}before_and_after_the_shards'

OF_BOTH = {
    'env': 'faults/test_weaknesses_starting.py::test_w29_env_is_there_before_the_import',
    'workspace': f'{EXECUTORS}runtime_args_metas_and_workspace',
    'start_method': f'{TOPOLOGIES}start_methods_mix',
    'timeout_ready': 'faults/test_weaknesses_starting.py::test_w09_timeout_ready_is_obeyed',
    'timeout_ctrl': 'faults/test_promise_5_close.py::test_close_is_bounded_with_a_stuck_call',
    'timeout_send': 'processes/test_deadlines.py::test_a_process_that_takes_longer_than_timeout_send_fails_the_request',
    'retries': 'processes/test_retries.py::test_retries_says_how_often_work_is_given_again',
    'restart': 'faults/test_promise_7_restarts.py::test_restart_false_is_not_restarted',
    'replicas': f'{TOPOLOGIES}replicas_share_the_work',
    'shards': f'{GRAPH}one_shard_after_the_other_gets_a_request_and_all_are_searched',
    'polling': f'{GRAPH}polling_says_which_shards_are_asked',
    'uses_with': f'{EXECUTORS}uses_with_takes_any_value_that_can_travel',
    'uses_metas': EVERY_FORM,
    'uses_requests': f'{EXECUTORS}uses_requests_binds_anew',
    'py_modules': EVERY_FORM,
}
OF_A_FLOW = OF_BOTH | {
    'name': 'acceptance/test_command_line.py::test_the_banner_names_what_runs',
    'host': LISTENS,
    'port': 'faults/test_promise_4_start.py::test_a_taken_port_is_named',
    'protocol': LISTENS,
    'prefetch': PREFETCH,
    'max_in_flight': 'processes/test_overload.py::test_no_more_requests_are_under_way_than_max_in_flight_allows',
    'return_responses': RESPONSES,
    'inspect': f'{GRAPH}what_becomes_of_inspectors',
    'asyncio': f'{ASYNC}a_flow_with_asyncio_is_an_async_flow',
    'quiet': f'{STARTING}quiet',
    'preload': f'{EFFECT}a_forkserver_imports_once_for_all',
    'shared_memory_from': 'processes/test_shared_memory.py::test_an_option_says_from_where_on',
    'uses': 'unit/options/test_uses.py::test_what_stands_for_the_default_of_a_flow_is_the_same_as_nothing',
}
OF_AN_EXECUTOR = OF_BOTH | {
    'uses': EVERY_FORM,
    'name': f'{TOPOLOGIES}fork_and_join',
    'needs': f'{TOPOLOGIES}fork_and_join',
    'uses_before': SHARDS,
    'uses_after': SHARDS,
    'disable_reduce': f'{GRAPH}branches_meet_united_or_apart',
    'uses_dynamic_batching': 'processes/test_batching.py::test_the_option_wins_over_the_decorator',
    'when': f'{EFFECT}only_documents_that_meet_a_condition_go_on',
    'floating': f'{GRAPH}nobody_waits_for_a_floating_executor',
    'external': f'{EXTERNAL}an_external_executor_does_its_part',
    'host': f'{EXTERNAL}the_loss_of_an_external_executor_is_named_at_once_and_ends_when_it_is_back',
    'port': f'{EXTERNAL}an_external_executor_does_its_part',
    'extra_search_paths': EVERY_FORM,
}
OF_A_CLIENT = {
    'host': LISTENS,
    'port': LISTENS,
    'protocol': LISTENS,
    'prefetch': PREFETCH,
    'return_responses': RESPONSES,
    'asyncio': f'{ASYNC}a_client_with_asyncio_is_an_async_client',
}

TABLES = [(FLOW, OF_A_FLOW), (EXECUTOR, OF_AN_EXECUTOR), (CLIENT, OF_A_CLIENT)]

# Arguments of Jina 3.x, by what takes them.
CLIENTS_OF_JINA = 'asyncio host port protocol proxy return_responses tls reuse_session'
FLOWS_OF_JINA = """
    asyncio host port protocol proxy return_responses tls compression cors default_swagger_ui deployments_addresses
    deployments_disable_reduce description env expose_endpoints expose_graphql_endpoint graph_conditions
    graph_description grpc_server_kwargs host_in log_config monitoring name native polling output_array_type py_modules
    uses_metas uses_requests uses_with runtime_cls workspace no_crud_endpoints no_debug_endpoints port_monitoring
    prefetch quiet quiet_error replicas shards retries ssl_certfile ssl_keyfile timeout_ctrl timeout_ready timeout_send
    title uses uvicorn_kwargs inspect port_expose port_in https override_with override_metas override_requests parallel
    metrics tracing traces_exporter_host traces_exporter_port metrics_exporter_host metrics_exporter_port reload
    grpc_server_options grpc_channel_options suppress_root_logging reuse_session provider provider_endpoint
"""
EXECUTORS_OF_JINA = """
    uses name needs uses_with uses_metas uses_requests py_modules replicas shards polling uses_before uses_after
    disable_reduce no_reduce when floating external host port tls env timeout_ready timeout_ctrl timeout_send retries
    workspace monitoring port_monitoring output_array_type compression quiet quiet_error log_config volumes gpus
    docker_kwargs entrypoint disable_auto_volume install_requirements force_update native host_in connection_list
    upload_files quiet_remote_logs uses_before_address uses_after_address runtime_cls deployment_role pod_role
    override_with override_metas override_requests parallel port_in port_expose https uses_dynamic_batching
    allow_concurrent reload stateful exit_on_exceptions env_from_secret image_pull_secrets prefer_platform
    force_network_mode grpc_channel_options metrics tracing raft_configuration peer_ports provider provider_endpoint
"""
# What a Flow of Jina 3.x has.
MEMBERS_OF_JINA = """
    add block build callback close delete dry_run enter_context expose_endpoint gather_inspect index inspect
    is_valid_jaml load_config needs needs_all plot pop_all post push save_config search start train update
    to_docker_compose_yaml to_k8s_yaml to_kubernetes_yaml is_flow_ready profiling config_gateway stream_doc check_input
    port host protocol workspace env workspace_id client num_pods num_deployments last_deployment monitoring
    port_monitoring address_private address_public args client_args gateway_args
"""
# What is not known at all, each with the words of docs/differences.md that say so.
NOT_KNOWN = {'floating': '`floating`, `external`, `when` are not options of a Flow', 'workspace_id': '`workspace_id`'}


@pytest.mark.parametrize(('group', 'table'), TABLES, ids=lambda value: getattr(value, 'owner', ''))
def test_every_option_acts(group: OptionGroup, table: dict[str, str]) -> None:
    """It has its test, which exists."""
    assert table.keys() == {option.name for option in group.options if option.acts}
    for test in table.values():
        file, _, name = test.partition('::')
        tree = ast.parse((ROOT / 'tests' / file).read_text(encoding='utf-8'))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, test


def test_the_other_groups_have_no_options_of_their_own() -> None:
    """What acts for a Deployment or a gateway acts for an Executor or a Flow."""
    acting = {option.name for group in (DEPLOYMENT, GATEWAY) for option in group.options if option.acts}
    assert acting <= OF_A_FLOW.keys() | OF_AN_EXECUTOR.keys()


@pytest.mark.parametrize(
    ('group', 'names'),
    [(CLIENT, CLIENTS_OF_JINA), (FLOW, FLOWS_OF_JINA), (EXECUTOR, EXECUTORS_OF_JINA)],
    ids=lambda value: getattr(value, 'owner', ''),
)
def test_every_argument_of_jina_is_known(group: OptionGroup, names: str) -> None:
    """It acts, is refused with a reason, or has no effect for a reason; the documentation has each."""
    documented = (ROOT / 'docs' / 'options.md').read_text(encoding='utf-8')
    for name in names.split():
        option = group[name]
        assert option.acts or option.later or option.no_effect
        assert f'`{option.name}`' in documented


@pytest.mark.parametrize('name', MEMBERS_OF_JINA.split())
def test_every_member_of_jinas_flow_is_there_or_a_documented_difference(name: str) -> None:
    """The left column of the table has its name."""
    text = (ROOT / 'docs' / 'differences.md').read_text(encoding='utf-8')
    in_jina = [row.split('|')[1] for row in text.splitlines() if row.startswith('|')]
    told = any(f'`{name}`' in cell for cell in in_jina)
    assert told or hasattr(Flow, name)


def test_what_is_not_known_is_a_documented_difference() -> None:
    """With the reason beside it."""
    differences = (ROOT / 'docs' / 'differences.md').read_text(encoding='utf-8')
    for name, words in NOT_KNOWN.items():
        assert words in differences
        with pytest.raises(KeyError):
            FLOW[name]
