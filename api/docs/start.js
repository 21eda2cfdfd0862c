// Everything that would call out is off: the page works on a machine without internet, and says nothing to anybody.
Scalar.createApiReference('#reference', {
  url: '/openapi.yaml',
  agent: { disabled: true },
  hideClientButton: true,
  mcp: { disabled: true },
  persistAuth: false,
  proxyUrl: '',
  showDeveloperTools: 'never',
  telemetry: false,
  withDefaultFonts: false,
})
