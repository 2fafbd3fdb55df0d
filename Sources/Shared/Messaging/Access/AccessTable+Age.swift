extension AccessTable {
    /// It is known that until now no right was taken unheard of, and it will be told again before that time.
    package func extendLease(until end: UInt64) { age.extendLease(until: end) }

    /// Confirms rights that sessions live by before they are too old, or soon after they came to be distrusted. To be called
    /// some times a second.
    package func renew(at now: UInt64) {
        guard now >= age.nextRenewal else { return }
        age.beginRenewal(at: now)
        // As many at a time as a service answers within the time until the next call.
        var budget = 4_000
        for known in keys.values where known.isHeld && pendingKeys[known.key] == nil && age.isDue(known, at: now) {
            guard budget > 0 else { return age.nextRenewal = now }
            budget -= 1
            confirm(known.key, at: now)
        }
        for grant in grants.values.lazy.flatMap(\.values) where grant.isHeld {
            let use = Use(identity: grant.identity, channel: grant.channel)
            guard pendingUses[use] == nil, age.isDue(grant, at: now) else { continue }
            guard budget > 0 else { return age.nextRenewal = now }
            budget -= 1
            confirm(use, at: now)
        }
        age.endRenewal(at: now)
    }
}
