// Imported by who loads ONNX Runtime without the launcher: nothing that is measured, ours or a peer's, reports to its maker.
process.env.ORT_DISABLE_TELEMETRY ??= '1';
