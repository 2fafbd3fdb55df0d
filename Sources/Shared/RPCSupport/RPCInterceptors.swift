internal import GRPCCore
internal import Logging
internal import Metrics
internal import Model

/// Hands the trace on to the service that is asked.
struct TracingClient: ClientInterceptor {
    @concurrent
    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingClientRequest<Input>,
        context: ClientContext,
        next: @concurrent (StreamingClientRequest<Input>, ClientContext) async throws -> StreamingClientResponse<Output>
    ) async throws -> StreamingClientResponse<Output> {
        guard let trace = TraceContext.current else { return try await next(request, context) }
        var request = request
        request.metadata.replaceOrAddString(trace.child().traceparent, forKey: "traceparent")
        return try await next(request, context)
    }
}

/// Takes the trace up, counts and logs each call.
struct CallLog: ServerInterceptor {
    let logger: Logger

    @concurrent
    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>,
        context: ServerContext,
        next:
            @concurrent @Sendable (StreamingServerRequest<Input>, ServerContext) async throws ->
            StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        let trace = request.metadata[stringValues: "traceparent"].first { _ in true }
        return try await TraceContext.$current.withValue(trace.flatMap { TraceContext(traceparent: $0) }) {
            let start = ContinuousClock.now
            let (answer, code) = await result { try await next(request, context) }
            let method = context.descriptor.fullyQualifiedMethod
            Counter(label: "fluxgate_rpc_total", dimensions: [("method", method), ("code", code)]).increment()
            logger.debug(
                "rpc",
                metadata: ["method": "\(method)", "code": "\(code)", "duration": "\(ContinuousClock.now - start)"]
            )
            return try answer.get()
        }
    }

    private func result<Output>(
        _ call: () async throws -> StreamingServerResponse<Output>
    ) async -> (Result<StreamingServerResponse<Output>, any Error>, String) {
        do {
            let response = try await call()
            switch response.accepted {
            case .success: return (.success(response), "ok")
            case .failure(let error): return (.success(response), "\(error.code)")
            }
        } catch let error as RPCError where error.code == .invalidArgument && error.cause != nil {
            // The library's words for what is no protobuf name our types, and contract section 13 has another code.
            let answer = RPCError(code: .internalError, message: "internal server error")
            return (.failure(answer), "\(answer.code)")
        } catch {
            return (.failure(error), "\((error as? RPCError)?.code ?? .unknown)")
        }
    }
}
