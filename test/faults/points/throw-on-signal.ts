// Loaded before a program: a bug that nobody catches, when a signal says so.
process.on('SIGUSR2', () => {
  setTimeout(() => {
    throw new Error('a bug in a timer')
  }, 0)
})
