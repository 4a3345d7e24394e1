import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createTransport } from 'nodemailer'
import { program } from './installed.ts'

/** How a client is to hand over mail. */
export interface Errand {
  readonly port: number
  readonly from: string
  readonly to: string
  /** Lines end with CRLF. */
  readonly body: Buffer
  /** For STARTTLS: the server's name, and the file with the certificate that proves it. Absent: in clear. */
  readonly tls?: { readonly name: string; readonly certificate: string }
  /** Absent: it does not log in. */
  readonly login?: Login
}

export interface Login {
  readonly mechanism: string
  readonly user: string
  readonly password: string
}

/** A program that sends mail. Rejects when it fails. */
export interface Client {
  readonly name: string
  /** What has to be installed. */
  readonly programs: readonly string[]
  /** What it can log in by. */
  readonly mechanisms: readonly string[]
  send(errand: Errand): Promise<void>
}

const run = (argv: readonly [string, ...string[]], input: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    const [name, ...args] = argv
    const child = spawn(program(name), args, { stdio: ['pipe', 'pipe', 'pipe'], cwd: '/' })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('latin1').on('data', (text: string) => (said += text))
    }
    child.once('error', reject)
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`${name} ended with ${code}:\n${said}`))))
    // Who reads no more says so by its exit code.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })

/** As files have it on systems where these programs live. */
const withLf = (body: Buffer): Buffer => Buffer.from(body.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')

const swaks: Client = {
  name: 'swaks',
  programs: ['swaks'],
  mechanisms: ['PLAIN', 'LOGIN'],
  send({ port, from, to, body, tls, login }) {
    // It ends the last line itself.
    const input = withLf(body).subarray(0, -1)
    const server = ['--server', `127.0.0.1:${port}`, ...(tls ? ['--tls'] : [])]
    const auth = login ? ['--auth', login.mechanism, '--auth-user', login.user, '--auth-password', login.password] : []
    return run(['swaks', ...server, ...auth, '--from', from, '--to', to, '--data', '-'], input)
  },
}

const curl: Client = {
  name: 'curl',
  programs: ['curl'],
  mechanisms: ['PLAIN', 'LOGIN'],
  send({ port, from, to, body, tls, login }) {
    const host = tls?.name ?? 'clear.test'
    const how = tls ? ['--ssl-reqd', '--cacert', tls.certificate] : []
    const where = ['--resolve', `${host}:${port}:127.0.0.1`, '--url', `smtp://${host}:${port}/client.test`]
    const auth = login
      ? ['--user', `${login.user}:${login.password}`, '--login-options', `AUTH=${login.mechanism}`]
      : []
    const what = [...auth, '--mail-from', from, '--mail-rcpt', to, '--upload-file', '-']
    return run(['curl', '--silent', '--show-error', '--noproxy', '*', ...how, ...where, ...what], body)
  },
}

const msmtp: Client = {
  name: 'msmtp',
  programs: ['msmtp'],
  mechanisms: ['PLAIN', 'LOGIN', 'SCRAM-SHA-1', 'SCRAM-SHA-256'],
  send({ port, from, to, body, tls, login }) {
    const how = tls
      ? ['--tls=on', `--tls-trust-file=${tls.certificate}`, `--tls-host-override=${tls.name}`]
      : ['--tls=off']
    const what = [`--from=${from}`, '--set-from-header=off', '--set-date-header=off', '--', to]
    const auth = login
      ? [
          `--auth=${login.mechanism.toLowerCase()}`,
          `--user=${login.user}`,
          `--passwordeval=printf %s '${login.password}'`,
        ]
      : ['--auth=off']
    return run(['msmtp', '--host=127.0.0.1', `--port=${port}`, ...auth, ...how, ...what], withLf(body))
  },
}

const PYTHON = `
import smtplib, ssl, sys
port, sender, to, name, certificate, chunk, mechanism, user, password = sys.argv[1:]
body = sys.stdin.buffer.read()
server = smtplib.SMTP('127.0.0.1', int(port))
if name:
    server._host = name
    server.starttls(context=ssl.create_default_context(cafile=certificate))
server.ehlo()
if mechanism:
    server.user, server.password = user, password
    server.auth(mechanism, getattr(server, 'auth_' + mechanism.lower()))
def must(answer):
    if answer[0] >= 300: raise Exception(answer)
if not int(chunk):
    server.sendmail(sender, [to], body, ['BODY=8BITMIME'])
else:
    if not server.has_extn('chunking'): raise Exception('CHUNKING is not offered')
    must(server.mail(sender, ['BODY=8BITMIME']))
    must(server.rcpt(to))
    step = int(chunk)
    for at in range(0, max(len(body), 1), step):
        part = body[at:at + step]
        last = b' LAST' if at + step >= len(body) else b''
        server.send(b'BDAT %d%s\\r\\n' % (len(part), last) + part)
        must(server.getreply())
server.quit()
`

const python = (chunk: number): Client => ({
  name: `Python's smtplib${chunk === 0 ? '' : ' by BDAT'}`,
  programs: ['python3'],
  mechanisms: ['PLAIN', 'LOGIN'],
  send({ port, from, to, body, tls, login }) {
    const security = [tls?.name ?? '', tls?.certificate ?? '']
    const auth = [login?.mechanism ?? '', login?.user ?? '', login?.password ?? '']
    return run(['python3', '-c', PYTHON, String(port), from, to, ...security, String(chunk), ...auth], body)
  },
})

const nodemailer: Client = {
  name: 'nodemailer',
  programs: [],
  mechanisms: ['PLAIN', 'LOGIN'],
  async send({ port, from, to, body, tls, login }) {
    const security = tls
      ? { requireTLS: true, tls: { servername: tls.name, ca: [await readFile(tls.certificate)] } }
      : { ignoreTLS: true }
    const auth = login ? { auth: { user: login.user, pass: login.password }, authMethod: login.mechanism } : {}
    const transport = createTransport({ host: '127.0.0.1', port, secure: false, ...security, ...auth })
    await transport.sendMail({ envelope: { from, to }, raw: body })
    transport.close()
  },
}

/** The programs people send mail with. */
export const CLIENTS: readonly Client[] = [swaks, curl, msmtp, python(0), python(100), nodemailer]

/** Those that are quick with large mail. */
export const QUICK_CLIENTS: readonly Client[] = [curl, nodemailer]

/** The one that sends by BDAT what does not end with CRLF. */
export const pythonByChunks: Client = python(7)
