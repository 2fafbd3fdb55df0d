import Model
import Testing
import UsersCore

/// The rules of accounts and tokens, on fakes.
@Suite struct UsersServiceTests {
    @Test func aTokenLeadsBackToItsAccount() async throws {
        let world = UsersWorld()

        let token = try await world.token()

        let account = try await world.service.account(token: token)
        #expect(account.email == .sample())
        #expect(try await world.service.identify(token: token) == account.id)
    }

    @Test func refusesAnEmailThatIsTaken() async throws {
        let world = UsersWorld()
        _ = try await world.token()

        await #expect(throws: UsersError.emailTaken) {
            try await world.service.register(.sample.with(password: "another one"), metadata: [:], from: "test")
        }
    }

    @Test(arguments: ["", "1234567", "éééé", String(repeating: "x", count: 1025), String(repeating: "é", count: 513)])
    func refusesPasswordsThatAreTooShortOrTooLong(_ password: String) async throws {
        let world = UsersWorld()
        let token = try await world.token()

        await #expect {
            try await world.service.register(.sample.with(password: password), metadata: [:], from: "test")
        } throws: { error in
            if case UsersError.malformed = error { true } else { false }
        }
        await #expect {
            let (old, new) = (Credentials.sample.password, Secret(password))
            try await world.service.changePassword(token: token, from: old, to: new, client: "test")
        } throws: { error in
            if case UsersError.malformed = error { true } else { false }
        }
    }

    @Test(arguments: ["12345678", "😀😀😀😀😀😀😀😀", String(repeating: "x", count: 1024)])
    func takesPasswordsWithinTheRule(_ password: String) async throws {
        #expect(throws: Never.self) { try PasswordRule().check(Secret(password)) }
    }

    @Test func anEmptyPasswordIsRefusedUnderAnyRule() {
        #expect(throws: UsersError.self) { try PasswordRule(minimumLength: 0).check(Secret("")) }
    }

    @Test func unknownAccountsAndWrongPasswordsCostTheSame() async throws {
        let world = UsersWorld()
        _ = try await world.token()
        let before = world.passwords.workDone

        await #expect(throws: UsersError.invalidCredentials) {
            try await world.service.logIn(.sample.with(password: "wrong horse"), from: "test")
        }
        #expect(world.passwords.workDone == before + 1)
        await #expect(throws: UsersError.invalidCredentials) {
            try await world.service.logIn(Credentials(email: .sample("nobody"), password: Secret("x")), from: "test")
        }
        #expect(world.passwords.workDone == before + 2)
    }

    @Test func aTokenEndsAfterTenHours() async throws {
        let world = UsersWorld()
        let token = try await world.token()

        world.time.advance(by: .seconds(35_999))
        _ = try await world.service.identify(token: token)

        world.time.advance(by: .seconds(1))
        await #expect(throws: UsersError.invalidCredentials) { try await world.service.identify(token: token) }
    }

    @Test func aTokenOfTheFutureIsNotGood() async throws {
        let world = UsersWorld()
        let token = try await world.token()

        world.time.advance(by: .seconds(-1))

        await #expect(throws: UsersError.invalidCredentials) { try await world.service.identify(token: token) }
    }

    @Test func aPasswordChangeEndsOlderTokens() async throws {
        let world = UsersWorld()
        let token = try await world.token()
        let new = Credentials.sample.with(password: "battery staple")

        let old = Credentials.sample.password
        try await world.service.changePassword(token: token, from: old, to: new.password, client: "test")

        await #expect(throws: UsersError.invalidCredentials) { try await world.service.identify(token: token) }
        await #expect(throws: UsersError.invalidCredentials) { try await world.service.logIn(.sample, from: "test") }
        let newToken = try await world.service.logIn(new, from: "test")
        _ = try await world.service.identify(token: newToken)
    }

    @Test func onlyOneOfManyPasswordChangesAtOnceHappens() async throws {
        let world = UsersWorld()
        let token = try await world.token()

        let succeeded = await withTaskGroup { group in
            for number in 0..<8 {
                group.addTask {
                    let (old, new) = (Credentials.sample.password, Secret("new password \(number)"))
                    do {
                        try await world.service.changePassword(token: token, from: old, to: new, client: "test")
                        return 1
                    } catch {
                        return 0
                    }
                }
            }
            return await group.reduce(0, +)
        }

        #expect(succeeded == 1)
    }

    @Test func aWrongOldPasswordChangesNothing() async throws {
        let world = UsersWorld()
        let token = try await world.token()

        await #expect(throws: UsersError.invalidCredentials) {
            let (old, new) = (Secret("wrong horse"), Secret("battery staple"))
            try await world.service.changePassword(token: token, from: old, to: new, client: "test")
        }

        _ = try await world.service.identify(token: token)
    }

    @Test func replacesTheMetadata() async throws {
        let world = UsersWorld()
        let token = try await world.token()

        try await world.service.update(token: token, metadata: ["team": .string("green")])

        #expect(try await world.service.account(token: token).metadata == ["team": .string("green")])
    }

    @Test func removingAnAccountRemovesWhatItOwnsAndItsTokens() async throws {
        let world = UsersWorld()
        let token = try await world.token()
        let id = try await world.service.identify(token: token)

        try await world.service.remove(token: token)

        #expect(world.resources.removed == [id, id])
        await #expect(throws: UsersError.invalidCredentials) { try await world.service.identify(token: token) }
        await #expect(throws: UsersError.invalidCredentials) { try await world.service.logIn(.sample, from: "test") }
        try await world.service.register(.sample, metadata: [:], from: "test")
    }

    /// What is made on a token that is remembered elsewhere doesn't outlive its account.
    @Test func removesWhatAnAccountOwnsOnceMoreWhenNobodyRemembersItsTokens() async throws {
        let world = UsersWorld(tokenMemory: .milliseconds(50))
        try await world.service.remove(token: world.token())

        let times = world.resources.removals.map(\.time)
        #expect(times.count == 2 && times[1] - times[0] >= .milliseconds(50))
    }

    @Test func aRemovalThatFailsCanBeRepeatedWithTheSameToken() async throws {
        let world = UsersWorld(resources: InMemoryResources(failures: 1))
        let token = try await world.token()

        await #expect(throws: UsersError.unavailable("things are out of reach")) {
            try await world.service.remove(token: token)
        }

        try await world.service.remove(token: token)
        await #expect(throws: UsersError.invalidCredentials) { try await world.service.identify(token: token) }
    }
}

/// How often who may try.
@Suite struct UsersLimitTests {
    @Test func tenWrongPasswordsAreFollowedByAWait() async throws {
        let world = UsersWorld()
        _ = try await world.token()
        for number in 0..<10 {
            await #expect(throws: UsersError.invalidCredentials) {
                try await world.service.logIn(.sample.with(password: "wrong"), from: "client-\(number)")
            }
        }

        await #expect(throws: UsersError.tooManyAttempts(retryAfter: .seconds(6))) {
            try await world.service.logIn(.sample, from: "another")
        }

        world.time.advance(by: .seconds(6))
        _ = try await world.service.logIn(.sample, from: "another")
    }

    @Test func attemptsAtOnceDoNotSlipPastTheLimit() async throws {
        let world = UsersWorld()
        _ = try await world.token()

        let looked = await withTaskGroup { group in
            for number in 0..<100 {
                group.addTask {
                    do {
                        _ = try await world.service.logIn(.sample.with(password: "wrong"), from: "client-\(number)")
                        return 1
                    } catch UsersError.invalidCredentials {
                        return 1
                    } catch {
                        return 0
                    }
                }
            }
            return await group.reduce(0, +)
        }

        #expect(looked == 10)
    }

    @Test func unknownAccountsAreLimitedLikeKnownOnes() async throws {
        let world = UsersWorld()
        for _ in 0..<10 { _ = try? await world.service.logIn(.sample, from: "test") }

        await #expect(throws: UsersError.tooManyAttempts(retryAfter: .seconds(6))) {
            try await world.service.logIn(.sample, from: "test")
        }
    }

    @Test func rightPasswordsDoNotCountAgainstTheAccount() async throws {
        let world = UsersWorld()
        _ = try await world.token()

        for number in 0..<50 { _ = try await world.service.logIn(.sample, from: "client-\(number)") }
    }

    @Test func oneAddressMayLogInSixtyTimes() async throws {
        let world = UsersWorld()
        for number in 0..<60 {
            let credentials = Credentials(email: .sample("user\(number)"), password: Secret("x"))
            await #expect(throws: UsersError.invalidCredentials) {
                try await world.service.logIn(credentials, from: "one")
            }
        }

        await #expect(throws: UsersError.tooManyAttempts(retryAfter: .seconds(1))) {
            try await world.service.logIn(Credentials(email: .sample("more"), password: Secret("x")), from: "one")
        }
        await #expect(throws: UsersError.invalidCredentials) {
            try await world.service.logIn(Credentials(email: .sample("more"), password: Secret("x")), from: "other")
        }
    }

    @Test func oneAddressMayRegisterTwentyTimes() async throws {
        let world = UsersWorld()
        for number in 0..<20 {
            let credentials = Credentials(email: .sample("user\(number)"), password: Secret("correct horse"))
            try await world.service.register(credentials, metadata: [:], from: "one")
        }

        await #expect(throws: UsersError.tooManyAttempts(retryAfter: .seconds(3))) {
            try await world.service.register(.sample, metadata: [:], from: "one")
        }
        try await world.service.register(.sample, metadata: [:], from: "other")
    }

    @Test func oneEmailMayBeClaimedFiveTimes() async throws {
        let world = UsersWorld()
        _ = try await world.token()
        for number in 0..<4 {
            await #expect(throws: UsersError.emailTaken) {
                try await world.service.register(.sample, metadata: [:], from: "client-\(number)")
            }
        }

        await #expect(throws: UsersError.tooManyAttempts(retryAfter: .seconds(12))) {
            try await world.service.register(.sample, metadata: [:], from: "another")
        }
        _ = try await world.service.logIn(.sample, from: "test")
    }

    @Test func oldPasswordsAreGuessedUnderTheSameLimit() async throws {
        let world = UsersWorld()
        let token = try await world.token()
        let (wrong, new) = (Secret("wrong horse"), Secret("battery staple"))
        for _ in 0..<10 {
            await #expect(throws: UsersError.invalidCredentials) {
                try await world.service.changePassword(token: token, from: wrong, to: new, client: "test")
            }
        }

        await #expect(throws: UsersError.tooManyAttempts(retryAfter: .seconds(6))) {
            try await world.service.changePassword(token: token, from: wrong, to: new, client: "test")
        }
    }

    @Test func anAttemptThatWasNotLookedAtDoesNotCount() async throws {
        let world = UsersWorld(passwords: PlainHasher(isBusy: true))

        for _ in 0..<20 {
            await #expect(throws: UsersError.busy) { try await world.service.logIn(.sample, from: "test") }
        }
    }

    @Test func withoutLimitsNobodyWaits() async throws {
        let world = UsersWorld(limits: nil)

        for _ in 0..<100 {
            await #expect(throws: UsersError.invalidCredentials) {
                try await world.service.logIn(.sample, from: "test")
            }
        }
    }
}
