internal import Model

/// Messages that each go to one member of a group (MQTT 5, section 4.8.2). A group is there as long as somebody holds it; what nobody can take
/// waits. All calls return at once.
package protocol SharedMessages: Sendable {
    /// A session more has the subscription. The group's messages wait for its members, from ``whenHeld(_:then:)`` on for sure.
    ///
    /// - Parameter place: up to where the group had come when the session was kept; nil for a new one.
    func hold(_ group: SharedGroup, by holder: SharedHolder, from place: UInt64?)

    /// A session's connection has ended, or its subscription.
    ///
    /// - Parameter holder: with how long it goes on to hold the group.
    func release(_ group: SharedGroup, by holder: SharedHolder)

    /// Calls back, on any thread, when what is published anywhere from now on waits for these groups, which are held; with false if that can't be
    /// now.
    func whenHeld(_ groups: [SharedGroup], then: @escaping @Sendable (Bool) -> Void)

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

/// A session that has a shared subscription.
package struct SharedHolder: Sendable {
    /// Of its client, and no other.
    package let name: ExactText
    /// For how many seconds it outlives its connection, `.max` for ever; 0: they end together.
    package let expiry: UInt32

    package init(name: ExactText, expiry: UInt32) { (self.name, self.expiry) = (name, expiry) }
}

package struct SharedMember: Hashable, Sendable {
    package let group: SharedGroup
    package let number: UInt64

    package init(group: SharedGroup, number: UInt64) { (self.group, self.number) = (group, number) }
}
