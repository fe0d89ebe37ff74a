@testable import EntryStore
import SeededRandom
import Testing

/// Sources are served in turn; each keeps its order.
struct FairQueueTests {
    @Test func oneWithManyDelaysOthersByOneAtATime() {
        var queue = FairQueue<String>()
        for number in 0..<4 { queue.append("a\(number)", from: 1) }
        queue.append("b0", from: 2)
        queue.append("c0", from: 3)
        queue.append("b1", from: 2)
        var order: [String] = []
        while let element = queue.popFirst() { order.append(element) }
        #expect(order == ["a0", "b0", "c0", "a1", "b1", "a2", "a3"])
        #expect(queue.isEmpty)
    }

    @Test func nothingIsLostOrReorderedWithinASource() {
        var random = SeededGenerator(seed: 3)
        var queue = FairQueue<(source: UInt64, number: Int)>()
        var handedIn: [UInt64: Int] = [:]
        var served: [UInt64: Int] = [:]
        var waiting = 0
        for _ in 0..<50_000 {
            if random.below(5) < 3 {
                let source = UInt64(random.below(40))
                let number = handedIn[source, default: 0]
                handedIn[source] = number + 1
                queue.append((source, number), from: source)
                waiting += 1
            } else if let element = queue.popFirst() {
                #expect(element.number == served[element.source, default: 0])
                served[element.source] = element.number + 1
                waiting -= 1
            }
            #expect(queue.count == waiting)
        }
        while let element = queue.popFirst() {
            #expect(element.number == served[element.source, default: 0])
            served[element.source] = element.number + 1
        }
        #expect(handedIn == served)
    }
}
