/// A queue that serves its sources in turn: whoever hands in a thousand elements at once delays others by one at a time.
/// Elements of one source keep their order.
struct FairQueue<Element> {
    private struct Node {
        var element: Element?
        /// The next one of the same source, or the next free place.
        var next: Int
    }
    private static var none: Int { -1 }

    private var nodes: [Node] = []
    private var free = Self.none
    /// The first and the last element of each source that has any.
    private var lanes: [UInt64: (first: Int, last: Int)] = [:]
    /// The sources that have elements, in the order in which they are served; each once.
    private var turns: [UInt64] = []
    private var served = 0
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// What ``popFirst()`` would give.
    var first: Element? {
        guard served < turns.count, let lane = lanes[turns[served]] else { return nil }
        return nodes[lane.first].element
    }

    mutating func append(_ element: Element, from source: UInt64) {
        let place: Int
        if free == Self.none {
            place = nodes.count
            nodes.append(Node(element: element, next: Self.none))
        } else {
            place = free
            free = nodes[place].next
            nodes[place] = Node(element: element, next: Self.none)
        }
        count += 1
        if let lane = lanes[source] {
            nodes[lane.last].next = place
            lanes[source] = (lane.first, place)
        } else {
            lanes[source] = (place, place)
            turns.append(source)
        }
    }

    mutating func popFirst() -> Element? {
        guard served < turns.count else { return nil }
        let source = turns[served]
        served += 1
        if served == turns.count {
            turns.removeAll(keepingCapacity: true)
            served = 0
        } else if served >= 1024 {
            turns.removeFirst(served)
            served = 0
        }
        guard let lane = lanes[source] else { return nil }
        let place = lane.first
        let node = nodes[place]
        nodes[place] = Node(element: nil, next: free)
        free = place
        count -= 1
        if place == lane.last {
            lanes[source] = nil
        } else {
            lanes[source] = (node.next, lane.last)
            turns.append(source)
        }
        return node.element
    }
}
