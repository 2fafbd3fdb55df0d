import Model
import Testing

@Suite struct TraceContextTests {
    private static let sample = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test func aTraceparentIsReadAndHandedOn() throws {
        let trace = try #require(TraceContext(traceparent: Self.sample))
        #expect(trace.traceID == "0af7651916cd43dd8448eb211c80319c")
        #expect(trace.traceparent == Self.sample)
    }

    @Test func aChildIsOfTheSameTraceAndHasItsOwnID() throws {
        let trace = try #require(TraceContext(traceparent: Self.sample))
        let child = trace.child()
        #expect(child.traceID == trace.traceID)
        #expect(child.traceparent != trace.traceparent)
        #expect(TraceContext(traceparent: child.traceparent) != nil)
    }

    @Test func aLaterVersionMayHaveMore() {
        #expect(TraceContext(traceparent: "01" + Self.sample.dropFirst(2) + "-more") != nil)
    }

    @Test(arguments: [
        "", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0\n",
        "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
    ])
    func whatIsNoneIsSeen(text: String) {
        #expect(TraceContext(traceparent: text) == nil)
    }
}
