internal import Model

/// Messages that each go to one member of a group (MQTT 5, section 4.8.2). A group is there as long as somebody holds it; what nobody can take
/// waits. All calls return at once.
package protocol SharedMessages: Sendable {
    /// A session more has the subscription. From when this returns on the group's messages wait for its members.
    ///
    /// - Parameter place: up to where the group had come when the session was kept; nil for a new one.
    func hold(_ group: SharedGroup, from place: UInt64?)

    func release(_ group: SharedGroup)

    /// Takes in a member of a group that is held.
    ///
    /// - Parameter give: called on any thread with messages that the member has asked for.
    func join(_ group: SharedGroup, give: @escaping @Sendable ([Message]) -> Void) -> SharedMember

    /// The member is gone; what it hasn't settled goes to others.
    func leave(_ member: SharedMember)

    /// The member takes so many messages more.
    func ask(for count: Int, by member: SharedMember)

    /// The member is done with a message, or can't take it: then another member gets it.
    func settle(_ place: UInt64, by member: SharedMember, isDone: Bool)

    /// Up to this place of the log all of the group's messages are done with.
    func floor(of group: SharedGroup) -> UInt64
}

/// Who share a subscription: the same name and the same filter.
package struct SharedGroup: Hashable, Sendable {
    package let name: ExactText
    package let filter: TopicFilter

    package init(name: ExactText, filter: TopicFilter) { (self.name, self.filter) = (name, filter) }
}

package struct SharedMember: Hashable, Sendable {
    package let group: SharedGroup
    package let number: UInt64

    package init(group: SharedGroup, number: UInt64) { (self.group, self.number) = (group, number) }
}
