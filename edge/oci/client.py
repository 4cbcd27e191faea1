"""placeholder"""


class PullReport: ...


class PushReport: ...


class RegistryClient: ...
