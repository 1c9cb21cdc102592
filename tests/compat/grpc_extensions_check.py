"""Asks a running server for what goes beyond the protocol's six calls, through unmodified public clients.

    pip install 'tritonclient[grpc]' grpcio-health-checking grpcio-reflection
    python tests/compat/grpc_extensions_check.py MODEL [--grpc 127.0.0.1:8001]

Streams, asyncio, configuration, statistics, index, refusals, health, reflection. Exit code 1 when a
check fails.
"""

import argparse
import asyncio
import queue
from functools import partial

import grpc
import tritonclient.grpc as triton_grpc
import tritonclient.grpc.aio as triton_aio
from asking import check, finish, refused, tensors
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tritonclient.grpc import service_pb2, service_pb2_grpc

make = triton_grpc.InferInput


def check_stream(client, model, inputs):
    answers = queue.Queue()
    client.start_stream(partial(lambda into, result, error: into.put((result, error)), answers))
    for index in range(200):
        client.async_stream_infer(model, tensors(inputs, 1 + index % 3, make), request_id=f"s{index}")
    client.async_stream_infer("no-model", tensors(inputs, 1, make), request_id="wrong")
    client.async_stream_infer(model, tensors(inputs, 1, make), request_id="after", enable_empty_final_response=True)
    got = [answers.get(timeout=60) for _ in range(202)]
    client.stop_stream()
    ids = [result.get_response().id if error is None else str(error) for result, error in got]
    check("stream: 200 in order", ids[:200] == [f"s{index}" for index in range(200)])
    check("stream: an error in it", "'no-model' is not found" in ids[200], ids[200])
    check("stream: goes on after the error", ids[201] == "after")
    finals = [result.get_response().parameters["triton_final_response"].bool_param for result, error in got if error is None]
    check("stream: each response is final", all(finals) and len(finals) == 201)
    check("stream: nothing more comes", answers.empty())


async def check_aio(address, model, inputs):
    client = triton_aio.InferenceServerClient(address)
    results = await asyncio.gather(*(client.infer(model, tensors(inputs, 1, make), request_id=str(index)) for index in range(100)))
    check("aio: 100 at once", [result.get_response().id for result in results] == [str(index) for index in range(100)])

    async def requests():
        for index in range(20):
            yield {"model_name": model, "inputs": tensors(inputs, 1, make), "request_id": str(index)}

    ids = [result.get_response().id async for result, error in client.stream_infer(requests()) if error is None]
    check("aio: a stream", ids == [str(index) for index in range(20)])
    task = asyncio.ensure_future(client.infer(model, tensors(inputs, 1, make)))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    check("aio: a cancelled call harms nothing", await client.is_server_ready())
    await client.close()


def check_cancelled(address, model, inputs, client):
    channel = grpc.insecure_channel(address)
    stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
    request = triton_grpc._utils._get_inference_request(
        inputs=tensors(inputs, 1, make), model_name=model, model_version="", request_id="", outputs=None,
        sequence_id=0, sequence_start=False, sequence_end=False, priority=0, timeout=None, parameters=None,
    )
    for _ in range(4):
        calls = [stub.ModelInfer.future(request) for _ in range(200)]
        for call in calls:
            call.cancel()
    check("800 cancelled calls harm nothing", client.is_server_ready() and stub.ModelInfer(request).model_name == model)
    channel.close()


def check_about(client, model, metadata):
    config = client.get_model_config(model).config
    axis = 1 if config.max_batch_size > 0 else 0
    dims = [list(spec.dims) for spec in config.input]
    check("config: name and inputs", config.name == model and dims == [list(spec.shape)[axis:] for spec in metadata.inputs])
    check("config: as JSON", client.get_model_config(model, as_json=True)["config"]["name"] == model)

    inputs = [(spec.name, spec.datatype, list(spec.shape)) for spec in metadata.inputs]
    before = client.get_inference_statistics(model).model_stats[0]
    client.infer(model, tensors(inputs, 3, make))
    after = client.get_inference_statistics(model).model_stats[0]
    rows = 3 if config.max_batch_size > 0 else 1
    check("statistics: rows", after.inference_count - before.inference_count == rows)
    check("statistics: runs", after.execution_count - before.execution_count == 1)
    check("statistics: time", after.inference_stats.compute_infer.ns > before.inference_stats.compute_infer.ns)
    check("statistics: sizes", any(batch.batch_size == rows for batch in after.batch_stats))
    check("statistics: all models", any(stats.name == model for stats in client.get_inference_statistics().model_stats))
    index = client.get_model_repository_index().models
    check("index", any((entry.name, entry.state) == (model, "READY") for entry in index), f"{len(index)} versions")
    extensions = list(client.get_server_metadata().extensions)
    check("extensions", {"model_configuration", "statistics", "parameters"} <= set(extensions), extensions)


def check_refusals(client, model):
    refused("config of an unknown model", lambda: client.get_model_config("no-model"), "NOT_FOUND", "'no-model' is not found")
    refused("statistics of an unknown model", lambda: client.get_inference_statistics("no-model"), "INVALID_ARGUMENT")
    refused("load", lambda: client.load_model(model), "UNAVAILABLE", "explicit model load / unload is not allowed")
    refused("unload", lambda: client.unload_model(model), "UNAVAILABLE", "explicit model load / unload is not allowed")
    refused("shared memory", lambda: client.register_system_shared_memory("r", "/r", 8), "UNIMPLEMENTED")
    check("no shared memory", len(client.get_system_shared_memory_status().regions) == 0)
    refused("traces", lambda: client.get_trace_settings(), "UNAVAILABLE", "does not support trace")
    refused("logs", lambda: client.get_log_settings(), "UNAVAILABLE", "does not support dynamic logging")


def check_standard(address):
    channel = grpc.insecure_channel(address)
    health = health_pb2_grpc.HealthStub(channel)
    serving = health_pb2.HealthCheckResponse.SERVING
    for service in ("", "inference.GRPCInferenceService"):
        request = health_pb2.HealthCheckRequest(service=service)
        check(f"health of '{service}'", health.Check(request).status == serving)
        watch = health.Watch(request)
        check(f"watch of '{service}'", next(watch).status == serving)
        watch.cancel()
    database = ProtoReflectionDescriptorDatabase(channel)
    names = set(database.get_services())
    check("reflection: services", {"inference.GRPCInferenceService", "grpc.health.v1.Health"} <= names, sorted(names))
    pool = DescriptorPool(database)
    told = {method.name for method in pool.FindServiceByName("inference.GRPCInferenceService").methods}
    theirs = {method.name for method in service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods}
    check("reflection: every method of tritonclient's", theirs <= told, sorted(theirs - told))
    request = pool.FindMessageTypeByName("inference.ModelInferRequest")
    own = service_pb2.ModelInferRequest.DESCRIPTOR
    fields = lambda message: {(field.name, field.number, field.type) for field in message.fields}
    check("reflection: the request's fields", fields(request) == fields(own))
    channel.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--grpc", default="127.0.0.1:8001")
    arguments = parser.parse_args()
    client = triton_grpc.InferenceServerClient(arguments.grpc)
    metadata = client.get_model_metadata(arguments.model)
    inputs = [(spec.name, spec.datatype, list(spec.shape)) for spec in metadata.inputs]
    check_stream(client, arguments.model, inputs)
    asyncio.run(check_aio(arguments.grpc, arguments.model, inputs))
    check_cancelled(arguments.grpc, arguments.model, inputs, client)
    check_about(client, arguments.model, metadata)
    check_refusals(client, arguments.model)
    check_standard(arguments.grpc)
    finish()


if __name__ == "__main__":
    main()
