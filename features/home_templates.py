"""What a new home's files hold: every setting, as a comment with its default."""

SETTINGS_TEMPLATE = """\
# Settings of this Second Look programme. All have the defaults shown.
# store_url = "postgresql+psycopg://user@host/database"   # default: store.db in this folder
# pseudonymise = true          # replace moderator and auditor ids by keyed hashes on the way in
# keep_text = false            # whether the service stores the text that it is sent
# capacity_share = 0.05        # share of decisions that can be audited, for the plan
# audits_per_day = 400         # instead: audits that can be done a day (default: not set)
# hours_per_day = 12.0         # instead: hours of audit work a day (default: not set)
# dial = "default"             # precision, balanced, default, hunt
# earlier_looks = true         # whether earlier decisions on an item are read (default: judged)
"""

POLICIES_TEMPLATE = """\
# What an error costs under each policy. See docs/policies.md.
# [default]
# over_enforcement = 1.0
# under_enforcement = 1.0
# wrong_selection = 0.5
# [policy.child_safety]
# under_enforcement = 8.0
# minimum_audits = 20
"""

GATES_TEMPLATE = """\
# What data and model must pass before a promotion. All have the limits shown. See docs/gates.md.
# [data]                        # see docs/data-gate.md
# mature_share = 0.95
# fewest_audits = 500
# rate_ratio = 1.6
# highest_rate = 0.5
# expected_overturns = 8
# expected_decisions = 20
# repeated_share = 0.5
# leak_auroc = 0.99
# suspect_auroc = 0.95
# id_auroc = 0.75
# lost_signal = 0.5
# drift = 0.1
# broken_drift = 0.5
# [model]
# budget = 0.05                 # share of decisions audited, at which errors found are compared
# capture_loss = 0.02           # of all errors, or of all harm, lost against the champion
# calibration_ratio = 1.5       # predicted overturns for each that is found, or the other way
# calibration_error = 0.75      # mean gap over ten bins, as a share of the rate found
# lift_budget = 0.2
# lift = 1.5                    # times the errors of a uniform sample, at lift_budget
# uncovered = 0.1               # more decisions that hardly have a chance of an audit
# slower = 3.0                  # times the champion's
# milliseconds_per_1000 = 5000.0
# larger = 5.0                  # times the champion's
# megabytes = 200.0
# fewest_audits = 100           # below which there is no judging
# fewest_overturns = 10
# [segments]                    # each policy, language, team and region
# capture_loss = 0.1            # of its errors, lost against the champion
# calibration_ratio = 2.0
# burden = 2.0                  # times the audits that its decisions, or its harm, call for
# fewest_audits = 100           # below which a segment is too small, and said to be so
# fewest_overturns = 10
"""

ALARMS_TEMPLATE = """\
# When alarms are raised, and where they are sent. All have the values shown. See docs/alarms.md.
# [residual]                    # audits find more or fewer errors than before; calibration too
# false_alarm_days = 30.0       # days between false alarms, over all segments together
# ordinary_misfit = 0.25        # standard deviation of a segment's usual misfit, in log-odds
# baseline_audits = 500         # audits that the risk is recalibrated on before the watch begins
# fewest_audits = 20            # of a segment in the period; below it is not watched
# least_share = 0.01            # of the decisions that a pair such as policy and language has
# [drift]
# days = 2                      # that an input must have drifted on, one after the other
# broken = 1.0                  # distance from which an input is taken to be broken
# learned = 0.2                 # distance from which track records and the predicted risk count
# related = 3                   # inputs that drift together before the alarm is severe
# [coverage]
# least_chance = 0.001          # of an audit; below it a decision is as good as never audited
# uncovered_share = 0.2         # of a policy's or language's decisions, or of its expected errors
# expected_audits = 5.0         # in the period, of a policy or language
# fewest_decisions = 500        # below which a policy or language is not looked at
# [overdue]
# days = 7.0                    # after which a selected audit is overdue
# share = 0.1                   # of the audits selected that long ago
# fewest = 10
# [agreement]
# kappa = 0.6                   # of first audit and second review
# fewest_reviews = 50
# [volume]
# times = 1.5                   # more or fewer decisions in a day than the same weekday had
# false_alarm_days = 180.0
# fewest_days = 7               # before the day that is judged
# fewest_decisions = 50         # expected of a policy or language in a day
# [width]
# times = 1.25                  # standard error against the one that the plan anticipated
# fewest_audits = 200
# [webhook]
# url = "https://example.org/hook"
# secret_file = "webhook.secret"  # in the home folder, or an absolute path
# timeout_s = 10.0
# attempts = 5
"""
