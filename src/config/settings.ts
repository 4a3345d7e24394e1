/**
 * What a settings file says once it was read: every default filled in, sizes in octets, times in milliseconds, modes as
 * numbers, paths absolute. Plain values only, so two of them can be compared. Keys are those of the file.
 */
export interface Settings {
  readonly hostname: string
  /** Ours: directors answer for them. Lower case. */
  readonly domains: readonly string[]
  /** Who gets mail for the bare `postmaster`, and reports that nobody else can be told of. */
  readonly postmaster: string
  readonly listen: readonly ListenerSettings[]
  readonly tls: TlsSettings | undefined
  /** CIDR networks that may relay; see `networks`. */
  readonly 'relay-from': readonly string[]
  /** In the order in which they are asked. */
  readonly directors: readonly DirectorSettings[]
  readonly routers: readonly RouterSettings[]
  readonly transports: readonly TransportSettings[]
  /** By keyword in lower case, for every extension that has settings or is named. */
  readonly extensions: ExtensionBlocks
  /** Files that bring extensions; see `ExtensionModule`. */
  readonly modules: readonly string[]
  readonly spool: SpoolSettings
  readonly limits: LimitSettings
  readonly timeouts: TimeoutSettings
  readonly queue: QueueSettings
  readonly log: LogSettings
  readonly control: ControlSettings
  /** Where `sendmail` leaves mail while nothing runs. */
  readonly drop: { readonly directory: string }
  readonly dns: DnsSettings
  readonly 'bare-newlines': BareNewlines
  readonly conversion: ConversionSettings
}

/** What its own schema made of each block; `off` for an extension that shall not be there. */
export type ExtensionBlocks = Readonly<Record<string, unknown>>

export type BareNewlines = 'refuse' | 'normalize'

export interface ListenerSettings {
  readonly name: string
  readonly protocol: 'smtp' | 'submission' | 'lmtp' | 'mtqp'
  readonly addresses: readonly ListenAddress[]
  /** The blocks of `Settings.extensions` with this listener's own laid over them. */
  readonly extensions: ExtensionBlocks
  /** `Settings.limits` with this listener's own laid over them. */
  readonly limits: LimitSettings
  readonly 'bare-newlines': BareNewlines
}

/** `host` is an IP address without brackets, or a name. */
export type ListenAddress = { readonly host: string; readonly port: number } | { readonly path: string }

export type TlsSettings =
  | { readonly certificate: string; readonly key: string }
  /** A certificate made at start, for trying things out. */
  | { readonly 'self-signed': true }

export type DirectorSettings = { readonly name: string } & (
  | ({
      readonly driver: 'aliases'
      readonly file: string
      /** A file that does not exist counts as empty. */
      readonly optional: boolean
      readonly separator: string
    } & ForDomains)
  | ({
      readonly driver: 'users'
      readonly from: UserSource
      readonly transport: string
      /** Below which the homes of virtual users lie. Absolute. */
      readonly root: string
      readonly separator: string
      /** Octets that each mailbox may hold; 0: any number. */
      readonly quota: number
      readonly 'when-full': 'defer' | 'refuse'
    } & ForDomains)
  /** Everything that got this far goes to one address. */
  | ({ readonly driver: 'catch-all'; readonly to: string } & ForDomains)
)

/** Absent: for all domains that are ours. */
interface ForDomains {
  readonly domains?: readonly string[] | undefined
}

/** The users of the machine, or virtual ones: in a file, or named here. */
export type UserSource = { readonly passwd: true } | { readonly file: string } | { readonly names: readonly string[] }

export type RouterSettings = { readonly name: string } & (
  | { readonly driver: 'mx'; readonly transport: string; readonly port: number }
  | { readonly driver: 'static'; readonly transport: string; readonly routes: readonly StaticRoute[] }
  | { readonly driver: 'smarthost'; readonly transport: string; readonly hosts: readonly HostSettings[] }
)

/**
 * `domain` is a name, or `*.name` for everything below a name, or `*`. Lower case. `to`: these hosts in their order; `mx`,
 * wherever the DNS says; or `error: 5yz [5.y.z] TEXT`, nowhere.
 */
export interface StaticRoute {
  readonly domain: string
  readonly to: readonly (HostSettings | `unix:/${string}`)[] | 'mx' | `error:${string}`
}

/** An IP address stands without its brackets. */
export interface HostSettings {
  readonly name: string
  readonly port: number
}

export type TransportSettings = {
  readonly name: string
} /** `path` begins with `~` for the user's home, or is absolute. */ & (
  | { readonly driver: 'maildir' | 'mbox'; readonly path: string }
  | ({ readonly driver: 'smtp' } & NetworkTransportSettings)
  | ({
      readonly driver: 'lmtp'
      /** Where mail for mailboxes goes; a router's hosts win. */
      readonly to: ListenAddress | undefined
    } & NetworkTransportSettings)
  | { readonly driver: 'discard' }
)

export interface NetworkTransportSettings {
  /**
   * `may`: in clear where it cannot be had. `verify`: only with a certificate that proves the name. `wrapped`: the same, from
   * the first octet on.
   */
  readonly tls: 'off' | 'may' | 'encrypt' | 'verify' | 'wrapped'
  /** At hosts that settings name. */
  readonly login?: LoginSettings | undefined
  /** By the name of a host, or its address. */
  readonly logins: ReadonlyMap<string, LoginSettings>
  /** Connections to one destination at once. */
  readonly concurrency: number
  /** Recipients of one transaction. */
  readonly recipients: number
  /** How long an idle connection is kept for more mail. */
  readonly idle: number
  readonly extensions: ExtensionBlocks
}

export interface LoginSettings {
  readonly user: string
  /** Itself, the path of a file whose first line it is, or the name of an environment variable. */
  readonly password: { readonly text: string } | { readonly file: string } | { readonly env: string }
  /** As SASL names them. */
  readonly mechanisms: readonly string[]
}

export type SpoolSettings =
  | {
      readonly driver: 'sqlite'
      readonly path: string
      readonly history: number
      /** Octets of its disk that are not for mail. */
      readonly 'keep-free': number
    }
  | { readonly driver: 'memory' }

export interface LimitSettings {
  /** Octets of a message. */
  readonly message: number
  /** RCPT commands of one transaction. */
  readonly recipients: number
  /** MAIL commands of one session; 0: any number. */
  readonly transactions: number
  /** Domains of the recipients of one session; 0: any number. */
  readonly domains: number
  /** Connections at once, at one listening address. */
  readonly connections: number
  readonly 'connections-per-peer': number
  /** Commands answered with 5yz, with no message taken in between, before the session is closed. */
  readonly errors: number
  /** Commands that bring no mail further, likewise. */
  readonly junk: number
  /** Octets of a body a second; 0: any number. */
  readonly rate: number
  /** Milliseconds, or Infinity for never. */
  readonly session: number
  /** Octets of a header. */
  readonly header: number
  /** Received fields before mail counts as looping. */
  readonly hops: number
}

/** RFC 5321 4.5.3.2, in milliseconds. */
export interface TimeoutSettings {
  readonly connect: number
  readonly greeting: number
  readonly hello: number
  readonly mail: number
  readonly rcpt: number
  readonly data: number
  readonly block: number
  readonly 'end-of-data': number
  readonly quit: number
  /** As a server: until the next command. */
  readonly command: number
  /** As a server: until more of a body. */
  readonly body: number
}

export interface QueueSettings {
  readonly lifetime: number
  /** Infinity: never. */
  readonly 'delay-warning': number
  readonly backoff: { readonly min: number; readonly max: number }
  /** Deliveries at once; 0: what is taken waits. */
  readonly concurrency: number
  /** What running deliveries and sessions get when we are to end. */
  readonly drain: number
  /** Octets of the original message that a report returns at most. */
  readonly 'return-limit': number
}

/** What is done to mail that the next hop does not take as it is, beyond what changes no meaning. */
export interface ConversionSettings {
  /** Where something signed or encrypted would have to change: the mail comes back, or its signature breaks. */
  readonly signed: 'bounce' | 'convert'
  /** Whose UTF-8 in header fields is encoded where it must be ASCII: nobody's, or that of mail submitted to us. */
  readonly downgrade: 'never' | 'msa'
}

export interface LogSettings {
  /** `auto`: pretty on a terminal. */
  readonly format: 'json' | 'pretty' | 'auto'
  readonly level: 'debug' | 'info' | 'warn' | 'error'
}

export interface ControlSettings {
  readonly socket: string
  readonly mode: number
  /** A second socket that only takes mail, for `sendmail` run by others; its mode is `0666`. */
  readonly submission: string | undefined
}

export interface DnsSettings {
  /** `ADDRESS`, `ADDRESS:PORT` or `[IPv6]:PORT`. Empty: those of /etc/resolv.conf. */
  readonly servers: readonly string[]
  /** Names that are not asked of the DNS, in lower case, to their addresses. */
  readonly hosts: ReadonlyMap<string, readonly string[]>
  readonly timeout: number
}
